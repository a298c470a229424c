"""Single-label classification: accuracy, macro averages, top-k and the confusion matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kclip.errors import KclipError
from kclip.metrics.bootstrap import bootstrap_metrics, percentile_interval
from kclip.metrics.proportion import proportion_interval

NUM_RESAMPLES = 1000


def classification_metrics(
    labels: np.ndarray, scores: np.ndarray, class_names: Sequence[str]
) -> dict[str, Any]:
    """Measures how well the highest score picks the right class.

    Macro averages weigh each class that has images alike, and leave out the others; a class that is
    never predicted has precision 0. A class that ties with the right one stands before it, as in
    `top_k_accuracy`, so that scores that are all the same are never right.

    Args:
        labels: (N,) integers in [0, C).
        scores: (N, C) floats, higher is likelier: cosine similarities, logits or probabilities.
        class_names: the C names in the order of the columns.

    Returns:
        `accuracy`, `macro_precision`, `macro_recall`, `macro_f1` in [0, 1]; `top_5_accuracy`
        where there are more than five classes; `intervals`, `{figure: [low, high]}` of 95 % for
        each of them (Clopper and Pearson's for accuracies, for macro averages of bootstrap
        resamples of the images); `chance_accuracy`, 1 / C, and `largest_class_fraction`, what one
        class for all images would get; `num_empty_classes`; `per_class`, a list of
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
        >>> [round(end, 3) for end in results["intervals"]["accuracy"]], results["chance_accuracy"]
        ([0.194, 0.994], 0.5)
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    labels, scores = _checked(labels, scores, class_names)
    predictions = predicted_classes(labels, scores)
    classes = np.arange(len(class_names))
    per_class = precision_recall_fscore_support(
        labels,
        predictions,
        labels=classes,
        zero_division=0.0,  # pyright: ignore[reportArgumentType] (the stub knows "warn" alone)
    )
    counts = np.bincount(labels, minlength=len(class_names))
    results: dict[str, Any] = {"accuracy": float(np.mean(predictions == labels))}
    for name, values in zip(("precision", "recall", "f1"), per_class[:3], strict=True):
        results[f"macro_{name}"] = float(np.mean(np.asarray(values)[counts > 0]))
    if len(class_names) > 5:
        results["top_5_accuracy"] = top_k_accuracy(labels, scores, 5)
    results["intervals"] = _intervals(results, labels, predictions, len(class_names))
    results["chance_accuracy"] = 1 / len(class_names)
    results["largest_class_fraction"] = float(counts.max() / len(labels))
    results["num_empty_classes"] = int(np.sum(counts == 0))
    results["per_class"] = [
        _class_row(name, *values)
        for name, *values in zip(class_names, *np.asarray(per_class), strict=True)
    ]
    results["class_names"] = list(class_names)
    results["confusion_matrix"] = confusion_matrix(labels, predictions, labels=classes).tolist()
    return results


def predicted_classes(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Takes the class of the highest score; where the right one ties with others, one of these.

    So predictions do not depend on the order of the classes, and the accuracy is the top-1
    accuracy of `top_k_accuracy`.

    Args:
        labels: (N,) integers in [0, C).
        scores: (N, C) floats.

    Returns:
        (N,) int64 in [0, C).

    Example:
        >>> predicted_classes(np.array([0, 1]), np.array([[0.5, 0.5], [0.2, 0.8]])).tolist()
        [1, 1]
    """
    rows, labels, scores = np.arange(len(labels)), np.asarray(labels), np.asarray(scores)
    others = scores.astype(np.result_type(scores, np.float32))  # a copy
    others[rows, labels] = -np.inf
    best = others.argmax(axis=1)
    return np.where(others[rows, best] >= scores[rows, labels], best, labels)


def top_k_accuracy(labels: np.ndarray, scores: np.ndarray, k: int) -> float:
    """Returns the fraction of rows whose right class is among the `k` highest, in [0, 1].

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


def check_rows(labels: np.ndarray, scores: np.ndarray) -> None:
    """Makes sure that labels and scores are of the same rows, and that there are some."""
    if labels.ndim != 1 or scores.ndim != 2 or len(labels) != len(scores) or not len(labels):
        raise ValueError(
            f"expected (N,) labels and (N, C) scores with N > 0, got {labels.shape} and "
            f"{scores.shape}"
        )


def _intervals(
    results: dict[str, Any], labels: np.ndarray, predictions: np.ndarray, num_classes: int
) -> dict[str, list[float]]:
    resampled = bootstrap_metrics(labels, predictions[None], num_classes, NUM_RESAMPLES)
    intervals = {name: list(percentile_interval(values[0])) for name, values in resampled.items()}
    for name in ("accuracy", "top_5_accuracy"):
        if name in results:
            right = round(results[name] * len(labels))
            intervals[name] = list(proportion_interval(right, len(labels)))
    return intervals


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
