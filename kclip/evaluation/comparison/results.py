"""Methods in, results out: figures with intervals, and differences between each two."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from kclip.evaluation.comparison.methods import Method
from kclip.evaluation.remarks import classification_remarks
from kclip.metrics.bootstrap import METRICS, bootstrap_metrics, percentile_interval
from kclip.metrics.classification import classification_metrics, predicted_classes
from kclip.metrics.mcnemar import mcnemar_p_value


def compare_methods(
    methods: Sequence[Method], class_names: Sequence[str], num_resamples: int, seed: int
) -> dict[str, Any]:
    """Measures methods on the images that they share.

    Args:
        methods: one or more, all with scores for the same images.
        class_names: C names, in the order of the scores.
        num_resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        `num_images`, `class_names`, `num_resamples`; `remarks`, what a reader has to know;
        `methods`: for each its `name`, `about` and what `classification_metrics` returns, where
        the `intervals` are those of the resamples that all share;
        `differences`: for each two `first`, `second`, `metrics`: `{metric: {"difference": first
        less second, "interval": [low, high]}}`, and `mcnemar_p_value`.

    Raises:
        KclipError: a score is not finite.
    """
    labels = methods[0].labels
    figures = [classification_metrics(labels, c.scores, class_names) for c in methods]
    predictions = np.stack([predicted_classes(labels, method.scores) for method in methods])
    resampled = bootstrap_metrics(labels, predictions, len(class_names), num_resamples, seed)
    rows = []
    for number, (method, own) in enumerate(zip(methods, figures, strict=True)):
        intervals = {name: list(percentile_interval(resampled[name][number])) for name in METRICS}
        row = {"name": method.name, "about": method.about} | own
        rows.append(row | {"intervals": own["intervals"] | intervals})
    return {
        "num_images": len(labels),
        "num_resamples": num_resamples,
        "class_names": list(class_names),
        "methods": rows,
        "remarks": _remarks(methods, figures),
        "differences": [
            _difference(rows, predictions == labels, resampled, pair)
            for pair in combinations(range(len(rows)), 2)
        ],
    }


def _remarks(methods: Sequence[Method], figures: Sequence[dict[str, Any]]) -> list[str]:
    """What holds for all methods once, and the rest with the method's name."""
    of_methods = [
        classification_remarks(own, method.scores)
        for method, own in zip(methods, figures, strict=True)
    ]
    shared = [remark for remark in of_methods[0] if all(remark in own for own in of_methods)]
    return shared + [
        f"{method.name}: {remark}"
        for method, own in zip(methods, of_methods, strict=True)
        for remark in own
        if remark not in shared
    ]


def _difference(
    rows: list[dict[str, Any]],
    right: np.ndarray,
    resampled: dict[str, np.ndarray],
    pair: tuple[int, int],
) -> dict[str, Any]:
    first, second = pair
    metrics = {
        name: {
            "difference": rows[first][name] - rows[second][name],
            "interval": list(percentile_interval(values[first] - values[second])),
        }
        for name, values in resampled.items()
    }
    return {
        "first": rows[first]["name"],
        "second": rows[second]["name"],
        "metrics": metrics,
        "mcnemar_p_value": mcnemar_p_value(right[first], right[second]),
    }
