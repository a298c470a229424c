"""Average precision of one class, by its four definitions.

All take `labels`, (N,) bool with a True among them, and `scores`, (N,) floats, higher being
likelier, and return a float in [0, 1] that does not depend on the order of the images. Of images
with one score those without the class stand first, so that ties count against the model, as for the
ranks of retrieval; `stepwise_precision` takes them together.
"""

import numpy as np


def stepwise_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Sum of precision times gain in recall, images of one score together (scikit-learn).

    Example:
        The two images in front cannot be told apart, so that half of them are hits:

        >>> stepwise_precision(np.array([True, False, False]), np.array([0.9, 0.9, 0.1]))
        0.5
    """
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(labels, scores))


def mean_precision_at_hits(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean of the precision at each hit (BiAM, ML_Decoder).

    Example:
        Hits at the ranks 1 and 3, with precisions 1 and 2/3:

        >>> labels, scores = np.array([True, False, True]), np.array([0.9, 0.8, 0.7])
        >>> round(mean_precision_at_hits(labels, scores), 4)
        0.8333
    """
    return float(_precisions(labels, scores).mean())


def eleven_point_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean over the recalls 0, 0.1 ... 1 of the best precision at that recall or more.

    VOC 2007 (Everingham et al. 2010, Section 4.2).

    Example:
        Precision 1 up to recall 0.5, which six of the points are, and 2/3 from there:

        >>> labels, scores = np.array([True, False, True]), np.array([0.9, 0.8, 0.7])
        >>> round(eleven_point_precision(labels, scores), 4)
        0.8485
    """
    precisions = _best_precisions(labels, scores)
    hits = np.arange(1, len(precisions) + 1)
    # In whole numbers: as floats, 3 * 0.1 exceeds 3 / 10, and an exact recall would be missed.
    first = [np.argmax(10 * hits >= tenths * len(hits)) for tenths in range(11)]
    return float(precisions[first].mean())


def area_under_best_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the best precision at each recall or more (VOC 2010 and later).

    Example:
        Hits at the ranks 2 and 3: the 2/3 of the second holds for the first too.

        >>> labels, scores = np.array([False, True, True]), np.array([0.9, 0.8, 0.7])
        >>> round(area_under_best_precision(labels, scores), 4)
        0.6667
    """
    return float(_best_precisions(labels, scores).mean())


def _precisions(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The precision at each hit, from the first to the last."""
    labels = np.asarray(labels, bool)
    ranks = 1 + np.flatnonzero(labels[np.lexsort((labels, -np.asarray(scores)))])
    return np.arange(1, len(ranks) + 1) / ranks


def _best_precisions(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The best precision at each hit or after it."""
    return np.maximum.accumulate(_precisions(labels, scores)[::-1])[::-1]
