"""How far measured figures may be from the truth: images are sampled again, with replacement."""

import numpy as np

METRICS = ("accuracy", "macro_precision", "macro_recall", "macro_f1")

# 4 Mi counts of 8 bytes: 32 MiB for a block of resamples.
MAX_BLOCK_COUNTS = 4 * 2**20
# Labels times resamples of average precision: about ten seconds.
MAX_WEIGHTS = 10**9


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

    Sampling N images with replacement is sampling how often each distinct row of label and
    predictions comes, so only those numbers are sampled. A class that a resample holds no image of
    is left out of its means, as it is by `classification_metrics`.

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


def bootstrap_average_precision(
    labels: np.ndarray,
    scores: np.ndarray,
    valid_mask: np.ndarray | None = None,
    num_resamples: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Measures each class's average precision (scikit-learn's) on resamples of the images.

    Images are sorted once a class; a resample only weighs them.

    Args:
        labels: (N, C) of 0 and 1 or bool.
        scores: (N, C) floats, higher is likelier.
        valid_mask: (N, C) bool, False where a label is ignored; by default all count.
        num_resamples: R; by default 200, and fewer, 30 at least, where there are so many labels
            that they would take minutes.
        seed: of the resamples.

    Returns:
        (R, C) float64 in [0, 1]; NaN where a resample holds no image of the class.

    Example:
        >>> labels, scores = np.array([[1], [0]] * 50), np.array([[0.9], [0.1]] * 50)
        >>> values = bootstrap_average_precision(labels, scores)
        >>> values.shape, float(values.min())
        ((200, 1), 1.0)
    """
    labels, scores = np.asarray(labels, bool), np.asarray(scores)
    valid_mask = np.ones(labels.shape, bool) if valid_mask is None else np.asarray(valid_mask, bool)
    if num_resamples is None:
        num_resamples = int(np.clip(MAX_WEIGHTS // labels.size, 30, 200))
    images, rng = len(labels), np.random.default_rng(seed)
    counts = rng.multinomial(images, np.full(images, 1 / images), size=num_resamples)
    weights = np.ascontiguousarray(counts.T.astype(np.float32))
    columns = [
        _weighted_precisions(labels[rows, c], scores[rows, c], weights[rows])
        for c, rows in enumerate(valid_mask.T)
    ]
    return np.stack(columns, axis=1)


def _weighted_precisions(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision of one class, (R,), where image n comes weights[n, r] times."""
    order = np.argsort(-scores, kind="stable")
    labels, scores, weights = labels[order], scores[order], weights[order]
    # Images of one score come together: only the last of them is a point of the curve.
    ends = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    seen = np.cumsum(weights, axis=0, dtype=np.float64)[ends]
    hits = np.cumsum(weights * labels[:, None], axis=0, dtype=np.float64)[ends]
    gains = np.diff(hits, axis=0, prepend=0.0)
    sums = (gains * hits / np.maximum(seen, 1)).sum(axis=0)
    total = hits[-1] if len(hits) else np.zeros(weights.shape[1])
    return np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0)


def percentile_interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """Returns what the middle fraction `confidence` of the values lies between.

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
