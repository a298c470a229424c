"""Multi-label recognition: average precision as five sources define it, precision, recall and F1.

Figures of different conventions do not compare; a report names the one it uses.
"""

from typing import Literal

import numpy as np

from kclip.errors import KclipError
from kclip.metrics.average_precision import (
    area_under_best_precision,
    eleven_point_precision,
    mean_precision_at_hits,
    stepwise_precision,
)

Convention = Literal["sklearn", "voc2007", "voc2010", "biam", "ml_decoder"]

# How one class is measured, and what a class without a positive is given.
_CONVENTIONS = {
    "sklearn": (stepwise_precision, np.nan),
    "voc2007": (eleven_point_precision, np.nan),
    "voc2010": (area_under_best_precision, np.nan),
    "biam": (mean_precision_at_hits, 0.0),
    "ml_decoder": (mean_precision_at_hits, 0.0),
}


def average_precision(
    labels: np.ndarray,
    scores: np.ndarray,
    convention: Convention = "sklearn",
    valid_mask: np.ndarray | None = None,
) -> np.ndarray:
    """Measures, class by class, how far the images of the class stand before the others.

    The conventions (kclip.metrics.average_precision has the definitions):

    - `sklearn`, `voc2007`, `voc2010`: a class without a positive has no value.
    - `biam`: mean precision at the hits; a class without a positive scores 0 (BiAM, NUS-WIDE).
    - `ml_decoder`: `biam` over the images that have a positive (ML_Decoder, NUS-WIDE).

    Args:
        labels: (N, C) of 0 and 1 or bool. Labels of -1 and 1 are refused; pass `labels == 1`.
        scores: (N, C) floats, higher is likelier.
        convention: one of the above.
        valid_mask: (N, C) bool, False where a label is unknown or "difficult"; all count by
            default.

    Returns:
        (C,) float64 in [0, 1] or NaN.

    Raises:
        KclipError: a score is not finite.
        ValueError: the arrays do not belong together, or nothing is positive.

    Example:
        Hits at the ranks 1 and 3, with precisions 1 and 2/3:

        >>> labels, scores = np.array([[1], [0], [1]]), np.array([[0.9], [0.8], [0.7]])
        >>> average_precision(labels, scores).round(4).tolist()
        [0.8333]
        >>> average_precision(labels, scores, "voc2007").round(4).tolist()  # (6 * 1 + 5 * 2/3) / 11
        [0.8485]
    """
    labels, scores = _checked(labels, scores)
    valid_mask = np.ones(labels.shape, bool) if valid_mask is None else np.asarray(valid_mask, bool)
    labels = labels & valid_mask
    if not labels.any():
        raise ValueError("no label is positive, so there is nothing to rank")
    if convention == "ml_decoder":
        valid_mask = valid_mask & labels.any(axis=1, keepdims=True)
    of_class, of_empty_class = _CONVENTIONS[convention]
    return np.array(
        [
            of_class(labels[rows, c], scores[rows, c]) if labels[:, c].any() else of_empty_class
            for c, rows in enumerate(valid_mask.T)
        ]
    )


def mean_average_precision(
    labels: np.ndarray,
    scores: np.ndarray,
    convention: Convention = "sklearn",
    valid_mask: np.ndarray | None = None,
) -> float:
    """Averages `average_precision`, which see, over the classes that have a value.

    Example:
        The second class is found last of three; the third has no positive:

        >>> labels = np.array([[1, 0, 0], [0, 0, 0], [0, 1, 0]])
        >>> scores = np.array([[0.9, 0.8, 0.1], [0.2, 0.7, 0.2], [0.1, 0.6, 0.3]])
        >>> round(mean_average_precision(labels, scores), 4)  # (1 + 1/3) / 2
        0.6667
        >>> round(mean_average_precision(labels, scores, "biam"), 4)  # (1 + 1/3 + 0) / 3
        0.4444
        >>> mean_average_precision(labels, scores, "ml_decoder")  # (1 + 1/2 + 0) / 3
        0.5
    """
    return float(np.nanmean(average_precision(labels, scores, convention, valid_mask)))


def top_k_predictions(scores: np.ndarray, k: int, ties: np.ndarray | None = None) -> np.ndarray:
    """Predicts the `k` highest classes of every image; of equal scores the earlier class.

    Args:
        scores: (N, C) floats.
        k: int in [1, C].
        ties: (N, C) numbers; of equal scores the class of the lowest number comes first.

    Returns:
        (N, C) bool, with `k` True in each row.

    Example:
        >>> top_k_predictions(np.array([[0.1, 0.9, 0.5]]), k=2).tolist()
        [[False, True, True]]
    """
    scores = np.asarray(scores)
    if not 1 <= k <= scores.shape[1]:
        raise ValueError(f"k must be in [1, {scores.shape[1]}], the number of classes, got {k}")
    predictions = np.zeros(scores.shape, bool)
    order = np.zeros(scores.shape) if ties is None else ties
    highest = np.lexsort((order, -scores), axis=1)[:, :k]
    np.put_along_axis(predictions, highest, True, axis=1)
    return predictions


def f1_at_k(
    labels: np.ndarray, scores: np.ndarray, k: int, valid_mask: np.ndarray | None = None
) -> float:
    """F1 of all decisions together when every image is given exactly `k` labels, in [0, 1].

    As BiAM measures NUS-WIDE: images without a label count, and their `k` labels are wrong. For
    the images with a label alone, pass those rows. Ties count against the model: of classes with
    one score those that the image lacks are taken first, whatever the order of the classes.

    Args:
        labels: (N, C) of 0 and 1 or bool.
        scores: (N, C) floats.
        k: int in [1, C].
        valid_mask: (N, C) bool, False where a label is unknown or "difficult". Such a label may be
            among an image's `k`, but is neither a hit nor a mistake. By default all count.

    Example:
        One hit of two predictions, one of three labels: 2 * (1/2 * 1/3) / (1/2 + 1/3).

        >>> labels = np.array([[1, 1, 0], [0, 0, 1]])
        >>> round(f1_at_k(labels, np.array([[0.9, 0.1, 0.2], [0.9, 0.1, 0.2]]), k=1), 4)
        0.4
    """
    labels, scores = _checked(labels, scores)
    counted = np.ones(labels.shape, bool) if valid_mask is None else np.asarray(valid_mask, bool)
    labels = labels & counted
    # Among equal scores first what costs the most: mistakes, then what is ignored, then hits.
    cost = np.where(labels, 2, np.where(counted, 0, 1))
    predictions = top_k_predictions(scores, k, cost) & counted
    return multilabel_metrics(labels, predictions)["OF1"]


def multilabel_metrics(labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Measures yes-or-no decisions: averaged over classes (C) and over all together (O).

    A class that is never predicted has precision 0, one without a positive recall 0. To leave the
    latter out, pass the columns that have a positive.

    Args:
        labels: (N, C) of 0 and 1 or bool.
        predictions: (N, C) bool, such as `scores > 0.5` or `top_k_predictions(scores, 3)`.

    Returns:
        Values in [0, 1]: `CP` and `CR`, means over the classes; `CF1`, their harmonic mean;
        `mean_class_F1`, the mean of the classes' own F1, which ML_Decoder prints for CF1; `OP`,
        `OR` and `OF1`, of all decisions together.

    Example:
        The first class has precision 1/2 and recall 1, the second 1 and 1/2:

        >>> labels = np.array([[1, 1], [0, 1]])
        >>> results = multilabel_metrics(labels, np.array([[True, True], [True, False]]))
        >>> [round(results[name], 4) for name in ("CP", "CR", "CF1", "mean_class_F1", "OF1")]
        [0.75, 0.75, 0.75, 0.6667, 0.6667]
    """
    labels, predictions = _checked(labels, predictions)
    hits = np.sum(labels & (predictions == 1), axis=0)
    predicted, positives = predictions.sum(axis=0), labels.sum(axis=0)
    precisions, recalls = _ratio(hits, predicted), _ratio(hits, positives)
    cp, cr = float(precisions.mean()), float(recalls.mean())
    op = float(_ratio(hits.sum(), predicted.sum()))
    overall_recall = float(_ratio(hits.sum(), positives.sum()))
    return {
        "CP": cp,
        "CR": cr,
        "CF1": harmonic_mean(cp, cr),
        "mean_class_F1": float(_ratio(2 * hits, predicted + positives).mean()),
        "OP": op,
        "OR": overall_recall,
        "OF1": harmonic_mean(op, overall_recall),
    }


def harmonic_mean(seen: float, unseen: float) -> float:
    """Returns the harmonic mean of two values >= 0, such as those of seen and of unseen classes.

    Example:
        >>> round(harmonic_mean(0.6, 0.2), 4), harmonic_mean(0.0, 0.0)
        (0.3, 0.0)
    """
    return float(_ratio(2 * seen * unseen, seen + unseen))


def _ratio(part: np.ndarray | float, whole: np.ndarray | float) -> np.ndarray:
    """Divides, and gives 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)


def _checked(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels, scores = np.asarray(labels), np.asarray(scores)
    if labels.ndim != 2 or labels.shape != scores.shape or not labels.size:
        raise ValueError(f"expected two arrays (N, C), got {labels.shape} and {scores.shape}")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels must be 0 and 1; turn -1 and 1 into `labels == 1`")
    if not np.isfinite(scores).all():
        raise KclipError(
            "the class scores hold values that are not finite, so the model's weights are "
            "unusable; train it again, with a lower learning rate"
        )
    return labels.astype(bool), scores
