"""CLIP-Decoder's ablation: from the runs' metrics to its tables (Tables 1 and 2 of the paper)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Row -> how tables call it, and whether it trains with L_c, with L_clip, and asks by prompts.
ROWS = {
    "word_vectors": ("word vectors", True, False, False),
    "classification": ("prompts, L_c", True, False, True),
    "joint": ("prompts, L_c + L_clip", True, True, True),
}
BASELINES = {"random": "random ranking", "cosine": "cosine ranking by the dual encoder"}
SETTINGS = {
    "caption_aligned": "towers of a dual encoder, which has read captions",
    "strict": "the image tower and a BERT as they were given: images and seen labels alone",
}
# Figure -> where it lies in a run's metrics.
FIGURES = {
    f"{section}_{name}": (section, name)
    for section in ("zsl", "gzsl")
    for name in ("map", "f1@3", "f1@5")
} | {"gzsl_seen_map": ("gzsl", "seen_map")}


def summarize(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Mean and standard deviation over runs that differ in their seed.

    Args:
        runs: what `multilabel_results` gave for each.

    Returns:
        For each figure NAME of `FIGURES`, in [0, 1], `NAME` and, of several runs, `NAME_std` (of
        the sample, with n - 1); and `runs`, their number.

    Example:
        >>> runs = [{s: {"map": m, "f1@3": 0, "f1@5": 0, "seen_map": 0} for s in ("zsl", "gzsl")}
        ...         for m in (0.2, 0.4)]
        >>> summary = summarize(runs)
        >>> round(summary["zsl_map"], 3), round(summary["zsl_map_std"], 3)
        (0.3, 0.141)
    """
    summary: dict[str, float] = {"runs": len(runs)}
    for name, (section, figure) in FIGURES.items():
        values = [run[section][figure] for run in runs if figure in run[section]]
        if values:
            summary[name] = float(np.mean(values))
        if len(values) > 1:
            summary[f"{name}_std"] = float(np.std(values, ddof=1))
    return summary


def random_summary(results: Mapping[str, Any]) -> dict[str, float]:
    """What a random ranking can expect, from a `multilabel_results` of the same images."""
    return {
        f"{section}_{name}": value
        for section in ("zsl", "gzsl")
        for name, value in results[section]["random"].items()
    }
