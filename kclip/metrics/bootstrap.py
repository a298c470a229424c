"""How far measured figures may be from the truth: the images are drawn again, with replacement."""

import numpy as np

METRICS = ("accuracy", "macro_precision", "macro_recall", "macro_f1")

# 4 Mi counts of 8 bytes: 32 MiB for a block of resamples.
MAX_BLOCK_COUNTS = 4 * 2**20


def bootstrap_metrics(
    labels: np.ndarray,
    predictions: np.ndarray,
    num_classes: int,
    num_resamples: int = 2000,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Measures several classifiers on resamples of the images that they share.

    Since each resample is the same for all classifiers, `values[a] - values[b]` of a metric is
    its paired difference (Efron & Tibshirani 1993, chapters 6 and 13, for the method).

    Drawing N images with replacement is drawing how often each distinct row of label and
    predictions comes, so only those numbers are drawn. A class that a resample holds no image of
    is left out of its means.

    Args:
        labels: (N,) integers in [0, C).
        predictions: (K, N) integers in [0, C), of K classifiers.
        num_classes: C.
        num_resamples: R.
        seed: of the resamples.

    Returns:
        `accuracy`, `macro_precision`, `macro_recall` and `macro_f1`, each (K, R) in [0, 1].

    Raises:
        ValueError: the shapes do not belong together.

    Example:
        >>> labels = np.array([0, 0, 1, 1] * 50)
        >>> right, half = labels, np.array([0, 1, 1, 0] * 50)
        >>> values = bootstrap_metrics(labels, np.stack([right, half]), 2)["accuracy"]
        >>> percentile_interval(values[0]), percentile_interval(values[1])
        ((1.0, 1.0), (0.43, 0.57))
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.ndim != 1 or predictions.shape[1:] != labels.shape or not len(labels):
        raise ValueError(f"expected (N,) and (K, N), got {labels.shape} and {predictions.shape}")
    rng = np.random.default_rng(seed)
    rows, counts = np.unique(np.vstack([labels, predictions]), axis=1, return_counts=True)
    block = max(1, MAX_BLOCK_COUNTS // len(counts))
    blocks = []
    for start in range(0, num_resamples, block):
        size = min(block, num_resamples - start)
        draws = rng.multinomial(len(labels), counts / len(labels), size=size)
        blocks.append([_metrics(draws, rows[0], row, num_classes) for row in rows[1:]])
    values = np.concatenate(blocks, axis=2)
    return {name: values[:, number] for number, name in enumerate(METRICS)}


def percentile_interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """Returns what the middle share `confidence` of the values lies between.

    Args:
        values: (R,) floats.
        confidence: in (0, 1).

    Example:
        >>> percentile_interval(np.arange(101), confidence=0.5)
        (25.0, 75.0)
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _metrics(
    draws: np.ndarray, labels: np.ndarray, predictions: np.ndarray, num_classes: int
) -> np.ndarray:
    """The metrics, (4, R), where row u of labels and predictions comes draws[r, u] times."""
    images = _sums_by_class(draws, labels, num_classes)
    predicted = _sums_by_class(draws, predictions, num_classes)
    right = labels == predictions
    hits = _sums_by_class(draws[:, right], labels[right], num_classes)
    present = images > 0
    per_class = (
        hits / np.maximum(predicted, 1),
        hits / np.maximum(images, 1),
        2 * hits / np.maximum(images + predicted, 1),
    )
    means = [(values * present).sum(axis=1) / present.sum(axis=1) for values in per_class]
    return np.stack([hits.sum(axis=1) / images.sum(axis=1), *means])


def _sums_by_class(draws: np.ndarray, classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Adds the columns of each class: (R, U) and (U,) to (R, C)."""
    order = np.argsort(classes, kind="stable")
    present, starts = np.unique(classes[order], return_index=True)
    sums = np.zeros((len(draws), num_classes), np.int64)
    if len(present):  # reduceat takes no empty list
        sums[:, present] = np.add.reduceat(draws[:, order], starts, axis=1)
    return sums
