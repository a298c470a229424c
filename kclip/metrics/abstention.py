"""Answering only where a classifier is sure enough: coverage, accuracy, and the threshold."""

from dataclasses import dataclass

import numpy as np

from kclip.metrics.classification import check_rows, predicted_classes
from kclip.metrics.proportion import CONFIDENCE, counts_from_the_top, proportion_lower_bounds


@dataclass(frozen=True)
class AccuracyThreshold:
    """A threshold for a wanted accuracy, and what speaks for it.

    Attributes:
        threshold: the least probability of an answer.
        wanted: the accuracy that was asked for.
        bound: what the accuracy on the answered is above, with `confidence`.
        confidence: of the bound.
        num_images: how many images it was chosen on.
        num_answered: how many of them reach the threshold.
        num_right: how many of those are right.
    """

    threshold: float
    wanted: float
    bound: float
    confidence: float
    num_images: int
    num_answered: int
    num_right: int


def coverage_curve(
    labels: np.ndarray, probabilities: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Accuracy on the rows that are answered, against how many are (risk and coverage).

    A row is answered where its highest probability is at least the threshold, else it is "I don't
    know" (El-Yaniv & Wiener 2010, whose risk is 1 - accuracy).

    Args:
        labels: (N,) integers in [0, C), N > 0.
        probabilities: (N, C) floats in [0, 1].

    Returns:
        `thresholds`, `coverage`, `accuracy`, each (T,) floats: every confidence that occurs, from
        the highest down; the fraction of the rows answered with it; the accuracy on those.

    Raises:
        ValueError: the shapes do not belong together, or there are no rows.

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.4, 0.6]])
        >>> thresholds, coverage, accuracy = coverage_curve([0, 1, 1, 0], probabilities)
        >>> thresholds.tolist(), coverage.tolist(), accuracy.tolist()
        ([0.9, 0.8, 0.6], [0.25, 0.5, 1.0], [1.0, 1.0, 0.75])
    """
    thresholds, answered, right = _counts(labels, probabilities)
    return thresholds, answered / answered[-1], right / answered


def threshold_for_accuracy(
    labels: np.ndarray,
    probabilities: np.ndarray,
    accuracy: float,
    confidence: float = CONFIDENCE,
) -> AccuracyThreshold | None:
    """Returns the lowest threshold that keeps the accuracy of what is answered, None without one.

    The accuracy on the given images alone would be a guess: of the thresholds that reach it there,
    most miss it on other images. So the lower bound of Clopper and Pearson has to reach it.

    Args:
        labels: (N,) integers in [0, C), N > 0.
        probabilities: (N, C) floats in [0, 1].
        accuracy: what is wanted on the answered rows, in [0, 1].
        confidence: of the bound, in (0, 1).

    Example:
        Forty sure rows are right; of forty others, thirty:

        >>> labels = np.array([0] * 70 + [1] * 10)
        >>> probabilities = np.array([[0.9, 0.1]] * 40 + [[0.6, 0.4]] * 40)
        >>> chosen = threshold_for_accuracy(labels, probabilities, 0.9)
        >>> chosen.threshold, round(chosen.bound, 3)  # 0.05 ** (1 / 40)
        (0.9, 0.928)
        >>> threshold_for_accuracy(labels, probabilities, 0.95) is None
        True
    """
    thresholds, answered, right = _counts(labels, probabilities)
    bounds = proportion_lower_bounds(right, answered, confidence)
    good = np.flatnonzero(bounds >= accuracy)
    if not len(good):
        return None
    last = int(good[-1])
    counts = int(answered[-1]), int(answered[last]), int(right[last])
    found = float(thresholds[last]), accuracy, float(bounds[last]), confidence
    return AccuracyThreshold(*found, *counts)


def _counts(
    labels: np.ndarray, probabilities: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every confidence from the highest down; how many rows reach it, and are right."""
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    check_rows(labels, probabilities)
    correct = predicted_classes(labels, probabilities) == labels
    return counts_from_the_top(probabilities.max(axis=1), correct)
