"""From labels and scores to a results dict: zero-shot (ZSL), generalised (GZSL), class by class.

The dict is what `metrics.json` holds and reports are made of:

- `zsl`: the unseen classes alone; `gzsl`: seen and unseen together. Where classes are not told
  apart, `all` stands for both.
- In each of them `map` (scikit-learn's; classes without a positive have no part in it) with
  `map_interval` (95 %, by bootstrap resamples of the images), `map_biam` (these count as 0) and
  `map_ml_decoder` (as BiAM's, over the images that have one of the classes);
  `f1@3` and `f1@5` over all images, `f1@3_labelled` and `f1@5_labelled` over those that have one of
  the classes, absent where there are fewer than K classes; `num_classes`, `num_empty_classes`,
  `num_images`, `num_images_labelled`; `random`, the expected `map`, `f1@3`, `f1@5` of a random
  ranking; and with thresholds `decisions`: CP, CR, CF1, OP, OR, OF1 ... over its classes.
- `gzsl` has `seen_map`, `unseen_map` and `harmonic_mean_map`, too.
- `per_class`: a row a class.
- `num_ignored`: how many labels were ignored, over all images.
- `remarks`: sentences that a reader has to know.

An ignored label is neither positive nor negative. Average precision leaves the image out of the
class's ranking. F1@K and decisions do not count it: it may be one of an image's K labels, or above
the threshold, and is neither a hit nor a mistake.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kclip.errors import UserError
from kclip.evaluation.remarks import multilabel_remarks
from kclip.metrics.bootstrap import bootstrap_average_precision
from kclip.metrics.multilabel import (
    average_precision,
    f1_at_k,
    harmonic_mean,
    mean_average_precision,
    multilabel_metrics,
)

CUTOFFS = (3, 5)
QUANTILE = 1.96  # standard deviations that 95 % of a normal distribution lie within


def multilabel_results(
    labels: np.ndarray,
    scores: np.ndarray,
    class_names: Sequence[str],
    seen: np.ndarray | None = None,
    thresholds: np.ndarray | None = None,
    valid_mask: np.ndarray | None = None,
) -> dict[str, Any]:
    """Measures scores against labels in the protocols of NUS-WIDE's zero-shot papers.

    Args:
        labels: (N, C) of 0 and 1 or bool.
        scores: (N, C) floats, higher is likelier.
        class_names: C names.
        seen: (C,) bool, True where training had labels of the class; None where that is not told.
        thresholds: (C,) floats; a class is predicted where its score is at least that. Infinity
            for a class that never is. None for none.
        valid_mask: (N, C) bool, False where a label is ignored; by default all count.

    Returns:
        The dict that this file's head describes; all figures in [0, 1].

    Raises:
        UserError: no image has any of the classes, or any of the unseen ones.
        KclipError: a score is not finite.

    Example:
        >>> labels, scores = np.array([[1, 0], [0, 1], [0, 0]]), np.array([[3, 1], [1, 1], [2, 5]])
        >>> results = multilabel_results(labels, scores, ["dog", "yak"], np.array([True, False]))
        >>> round(results["zsl"]["map"], 4), round(results["gzsl"]["map"], 4)
        (0.3333, 0.6667)
    """
    labels, scores = np.asarray(labels).astype(bool), np.asarray(scores)
    seen = np.ones(labels.shape[1], bool) if seen is None else np.asarray(seen, bool)
    valid_mask = np.ones(labels.shape, bool) if valid_mask is None else np.asarray(valid_mask, bool)
    labels = labels & valid_mask
    if not labels.any():
        raise UserError(
            f"none of the {len(labels)} images has a label among the {len(class_names)} classes; "
            "names must be spelled alike in both"
        )
    by_class = {
        "map": average_precision(labels, scores, "sklearn", valid_mask),
        "map_biam": average_precision(labels, scores, "biam", valid_mask),
    }
    resampled = bootstrap_average_precision(labels, scores, valid_mask)
    decisions = None if thresholds is None else (scores >= thresholds) & valid_mask
    results: dict[str, Any] = {"num_images": len(labels), "num_ignored": int(np.sum(~valid_mask))}
    for name, columns in _sections(labels, seen).items():
        own = {measure: values[columns] for measure, values in by_class.items()}
        results[name] = _section(
            labels[:, columns], scores[:, columns], valid_mask[:, columns], own
        )
        results[name]["map_interval"] = _interval(results[name]["map"], resampled[:, columns])
        if decisions is not None:
            own_decisions = decisions[:, columns]
            results[name]["decisions"] = multilabel_metrics(labels[:, columns], own_decisions)
    if "gzsl" in results:
        results["gzsl"] |= _seen_and_unseen(by_class["map"], seen)
    results["per_class"] = _per_class(labels, valid_mask, class_names, seen, by_class["map"])
    if thresholds is not None and decisions is not None:
        _add_decisions(results["per_class"], labels, decisions, thresholds)
    results["remarks"] = multilabel_remarks(results, scores)
    return results


def expected_random_ap(num_positives: np.ndarray, num_images: np.ndarray | int) -> np.ndarray:
    """Average precision that a random order of the images has on average.

    The chance that rank i is a hit is P/N; the ranks before it then hold (i - 1)(P - 1)/(N - 1)
    hits on average. Summed over the ranks: (H + (P - 1)/(N - 1) (N - H)) / N, H = 1 + 1/2 ... 1/N.

    Args:
        num_positives: (C,) integers in [0, N].
        num_images: N, of all classes or of each, (C,).

    Returns:
        (C,) float64; NaN for a class without a positive.

    Example:
        One hit among two images stands first or second, with precision 1 or 1/2:

        >>> expected_random_ap(np.array([1, 2]), 2).tolist()
        [0.75, 1.0]
    """
    num_images = np.maximum(num_images, 1)
    harmonic = np.cumsum(1 / np.arange(1, np.max(num_images) + 1))[num_images - 1]
    others = (num_positives - 1) / np.maximum(num_images - 1, 1)
    expected = (harmonic + others * (num_images - harmonic)) / num_images
    return np.where(num_positives > 0, expected, np.nan)


def _sections(labels: np.ndarray, seen: np.ndarray) -> dict[str, np.ndarray]:
    every = np.ones(len(seen), bool)
    if seen.all() or not seen.any():
        return {"all": every}
    if not labels[:, ~seen].any():
        raise UserError(
            f"none of the {len(labels)} images has a label among the {np.sum(~seen)} unseen "
            "classes, so that zero-shot recognition cannot be measured on them; give images that do"
        )
    return {"zsl": ~seen, "gzsl": every}


def _section(
    labels: np.ndarray, scores: np.ndarray, valid_mask: np.ndarray, by_class: dict[str, np.ndarray]
) -> dict[str, Any]:
    labelled = labels.any(axis=1)
    of_labelled = labels[labelled], scores[labelled]
    section = {
        "num_classes": labels.shape[1],
        "num_empty_classes": int(np.sum(~labels.any(axis=0))),
        "num_images": len(labels),
        "num_images_labelled": int(labelled.sum()),
    }
    section |= {measure: float(np.nanmean(values)) for measure, values in by_class.items()}
    section["map_ml_decoder"] = mean_average_precision(labels, scores, "ml_decoder", valid_mask)
    cutoffs = [k for k in CUTOFFS if k <= labels.shape[1]]
    section |= {f"f1@{k}": f1_at_k(labels, scores, k, valid_mask) for k in cutoffs}
    section |= {f"f1@{k}_labelled": f1_at_k(*of_labelled, k, valid_mask[labelled]) for k in cutoffs}
    section["random"] = _random(labels, valid_mask, cutoffs)
    return section


def _interval(mean: float, resampled: np.ndarray) -> list[float]:
    """Around a mAP, by the spread of its resamples: (R, C), NaN where a class has no image."""
    some = resampled[~np.isnan(resampled).all(axis=1)]
    reach = QUANTILE * float(np.std(np.nanmean(some, axis=1), ddof=1)) if len(some) > 1 else 0.0
    return [max(0.0, mean - reach), min(1.0, mean + reach)]


def _random(labels: np.ndarray, valid_mask: np.ndarray, cutoffs: Sequence[int]) -> dict[str, float]:
    """The expected figures of a random ranking: F1@K gives K/C of all labels that count."""
    precisions = expected_random_ap(labels.sum(axis=0), valid_mask.sum(axis=0))
    positives, num_classes = labels.sum(), labels.shape[1]
    expected = {"map": float(np.nanmean(precisions))}
    for k in cutoffs:
        hits, given = positives * k / num_classes, valid_mask.sum() * k / num_classes
        expected[f"f1@{k}"] = float(2 * hits / (given + positives))
    return expected


def _seen_and_unseen(precisions: np.ndarray, seen: np.ndarray) -> dict[str, float | None]:
    unseen_map = float(np.nanmean(precisions[~seen]))
    if np.isnan(precisions[seen]).all():  # images of unseen classes alone
        return {"seen_map": None, "unseen_map": unseen_map, "harmonic_mean_map": None}
    seen_map = float(np.nanmean(precisions[seen]))
    mean = harmonic_mean(seen_map, unseen_map)
    return {"seen_map": seen_map, "unseen_map": unseen_map, "harmonic_mean_map": mean}


def _per_class(
    labels: np.ndarray,
    valid_mask: np.ndarray,
    class_names: Sequence[str],
    seen: np.ndarray,
    precisions: np.ndarray,
) -> list[dict[str, Any]]:
    counts = labels.sum(axis=0)
    expected = expected_random_ap(counts, valid_mask.sum(axis=0))
    return [
        {
            "class_name": name,
            "seen": bool(seen[column]),
            "num_images": int(counts[column]),
            "ap": None if np.isnan(precisions[column]) else float(precisions[column]),
            "random_ap": None if np.isnan(expected[column]) else float(expected[column]),
        }
        for column, name in enumerate(class_names)
    ]


def _add_decisions(
    rows: list[dict[str, Any]], labels: np.ndarray, decisions: np.ndarray, thresholds: np.ndarray
) -> None:
    # scikit-learn takes a single column for a problem of two classes, and returns both.
    hits, given, wanted = (np.sum(x, axis=0) for x in (labels & decisions, decisions, labels))
    wholes = (given, wanted, (given + wanted) / 2)  # of precision, recall and F1
    measures = np.stack([hits / np.maximum(whole, 0.5) for whole in wholes], axis=1)
    for row, threshold, measured in zip(rows, thresholds, measures, strict=True):
        row["threshold"] = float(threshold) if np.isfinite(threshold) else None
        row |= dict(zip(("precision", "recall", "f1"), map(float, measured), strict=True))
