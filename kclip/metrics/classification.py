"""Single-label classification: accuracy, macro averages, top-k and the confusion matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kclip.errors import KclipError


def classification_metrics(
    labels: np.ndarray, scores: np.ndarray, class_names: Sequence[str]
) -> dict[str, Any]:
    """Measures how well the highest score picks the right class.

    Macro averages weigh each class alike; a class that is never predicted has precision 0, one
    without an example recall 0.

    Args:
        labels: (N,) integers in [0, C).
        scores: (N, C) floats, higher is likelier: cosine similarities, logits or probabilities.
        class_names: the C names in the order of the columns.

    Returns:
        `accuracy`, `macro_precision`, `macro_recall`, `macro_f1` in [0, 1]; `top_5_accuracy`
        where there are more than five classes; `per_class`, a list of
        `{"class_name", "precision", "recall", "f1", "num_images"}`; `class_names`;
        `confusion_matrix`, C lists of C counts, a row for each true class.

    Raises:
        KclipError: a score is not finite.
        ValueError: the shapes do not belong together.

    Example:
        >>> scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
        >>> results = classification_metrics(np.array([0, 0, 1, 1]), scores, ["cat", "dog"])
        >>> results["accuracy"], results["confusion_matrix"]
        (0.75, [[2, 0], [1, 1]])
        >>> results["per_class"][0]["recall"], results["per_class"][1]["recall"]
        (1.0, 0.5)
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    labels, scores = _checked(labels, scores, class_names)
    predictions = scores.argmax(axis=1)
    classes = np.arange(len(class_names))
    per_class = precision_recall_fscore_support(
        labels,
        predictions,
        labels=classes,
        zero_division=0.0,  # pyright: ignore[reportArgumentType] (the stub knows "warn" alone)
    )
    results: dict[str, Any] = {"accuracy": float(np.mean(predictions == labels))}
    for name, values in zip(("precision", "recall", "f1"), per_class[:3], strict=True):
        results[f"macro_{name}"] = float(np.mean(values))
    if len(class_names) > 5:
        results["top_5_accuracy"] = top_k_accuracy(labels, scores, 5)
    results["per_class"] = [
        _class_row(name, *values)
        for name, *values in zip(class_names, *np.asarray(per_class), strict=True)
    ]
    results["class_names"] = list(class_names)
    results["confusion_matrix"] = confusion_matrix(labels, predictions, labels=classes).tolist()
    return results


def top_k_accuracy(labels: np.ndarray, scores: np.ndarray, k: int) -> float:
    """Returns the share of rows whose right class is among the `k` highest, in [0, 1].

    A class that ties with the right one stands before it.

    Args:
        labels: (N,) integers in [0, C).
        scores: (N, C) floats.
        k: how many classes are looked at.

    Example:
        >>> scores = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
        >>> top_k_accuracy(np.array([1, 2]), scores, k=2)
        0.5
    """
    own = np.take_along_axis(scores, np.asarray(labels)[:, None], axis=1)
    return float(np.mean(np.count_nonzero(scores >= own, axis=1) <= k))


def most_confused(
    confusion_matrix: Sequence[Sequence[int]], class_names: Sequence[str], count: int
) -> list[tuple[str, str, int]]:
    """Lists the commonest mistakes: true class, predicted class, number of images.

    Args:
        confusion_matrix: C lists of C counts, a row for each true class.
        class_names: C names.
        count: how many mistakes to list at most.

    Example:
        >>> most_confused([[5, 3], [1, 7]], ["cat", "dog"], count=5)
        [('cat', 'dog', 3), ('dog', 'cat', 1)]
    """
    mistakes = [
        (class_names[true], class_names[predicted], int(number))
        for true, row in enumerate(confusion_matrix)
        for predicted, number in enumerate(row)
        if true != predicted and number
    ]
    return sorted(mistakes, key=lambda mistake: -mistake[2])[:count]


def _class_row(name: str, precision: float, recall: float, f1: float, num_images: float) -> dict:
    return {
        "class_name": name,
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "num_images": int(num_images),
    }


def _checked(
    labels: np.ndarray, scores: np.ndarray, class_names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    labels, scores = np.asarray(labels), np.asarray(scores)
    if labels.ndim != 1 or scores.shape != (len(labels), len(class_names)) or not len(labels):
        raise ValueError(
            f"expected (N,) labels and (N, {len(class_names)}) scores with N > 0, "
            f"got {labels.shape} and {scores.shape}"
        )
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise ValueError(
            f"labels must be in [0, {len(class_names)}), got [{labels.min()}, {labels.max()}]"
        )
    if not np.isfinite(scores).all():
        raise KclipError(
            "the class scores hold values that are not finite, so the model's weights are "
            "unusable; train it again, with a lower learning rate"
        )
    return labels, scores
