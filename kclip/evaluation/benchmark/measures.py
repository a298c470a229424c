"""What is measured of scores and decisions, and what a predictor that knows nothing gets."""

import numpy as np

from kclip.metrics.multilabel import Convention, mean_average_precision, multilabel_metrics

# figure -> how a table names it; all in [0, 1].
FIGURES = {
    "map": "mAP (scikit-learn)",
    "map_voc2007": "mAP (VOC 2007)",
    "map_voc2010": "mAP (VOC 2010)",
    "trapezoid_on_hard_labels": "trapezoid on hard labels (MMM-CLIP's “mAP”)",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
}

CONVENTIONS: dict[str, Convention] = {
    "map": "sklearn",
    "map_voc2007": "voc2007",
    "map_voc2010": "voc2010",
}


def measure_outputs(
    labels: np.ndarray, scores: np.ndarray, decisions: np.ndarray, valid_mask: np.ndarray
) -> dict[str, float]:
    """Measures a method.

    Args:
        labels: (N, C) of 0 and 1.
        scores: (N, C) floats, higher is likelier.
        decisions: (N, C) bool, the labels given.
        valid_mask: (N, C) bool, False where an output does not count.

    Returns:
        `FIGURES`. F1 is over the classes that have a positive.

    Example:
        >>> labels, scores = np.array([[1, 0], [0, 1]]), np.array([[2, 1], [1, 2]])
        >>> figures = measure_outputs(labels, scores, scores > 1, np.ones((2, 2), bool))
        >>> figures["map"], figures["micro_f1"]
        (1.0, 1.0)
    """
    precisions = {
        name: mean_average_precision(labels, scores, convention, valid_mask)
        for name, convention in CONVENTIONS.items()
    }
    labels, decisions = labels & valid_mask, decisions & valid_mask
    named = labels.any(axis=0)
    f1 = multilabel_metrics(labels[:, named], decisions[:, named])
    return {
        **precisions,
        "trapezoid_on_hard_labels": trapezoid_on_hard_labels(labels, decisions, valid_mask),
        "micro_f1": f1["OF1"],
        "macro_f1": f1["mean_class_F1"],
    }


def trapezoid_on_hard_labels(
    labels: np.ndarray, decisions: np.ndarray, valid_mask: np.ndarray
) -> float:
    """The figure that MMM-CLIP's code calls mAP: no average precision.

    The curve of precision over recall is drawn through three points, those of "yes to all", of the
    decisions and of (recall 0, precision 1), and integrated by trapezoids. A predictor that says
    the same of every image gets half of 1 + the class's fraction: 55.9 % on the authors' classes.

    Args:
        labels: (N, C) of 0 and 1.
        decisions: (N, C) bool.
        valid_mask: (N, C) bool.

    Example:
        >>> labels, every = np.array([[1], [0], [0], [0]]), np.ones((4, 1), bool)
        >>> trapezoid_on_hard_labels(labels, every, every)
        0.625
    """
    from sklearn.metrics import auc, precision_recall_curve

    areas = []
    for own, given, rows in zip(labels.T, decisions.T, valid_mask.T, strict=True):
        if own[rows].any():
            precision, recall, _ = precision_recall_curve(own[rows], given[rows].astype(int))
            areas.append(auc(recall, precision))
    return float(np.mean(areas))


def constant_predictor(labels: np.ndarray, valid_mask: np.ndarray) -> dict[str, float]:
    """What scores get that are the same for every image and class, with yes to all: `FIGURES`."""
    scores = np.zeros(labels.shape)
    return measure_outputs(labels, scores, np.ones(labels.shape, bool), valid_mask)
