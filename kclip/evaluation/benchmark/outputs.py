"""What a method returns, and how its scores become labels."""

from dataclasses import dataclass

import numpy as np

from kclip.evaluation.benchmark.task import Task
from kclip.multilabel.thresholds import choose_thresholds


@dataclass(frozen=True)
class ModelOutputs:
    """A method's word on the N test images.

    Attributes:
        scores: (N, C) floats, higher is likelier.
        decisions: (N, C) bool, the labels given.
    """

    scores: np.ndarray
    decisions: np.ndarray


def decide_labels(
    task: Task, scores: np.ndarray, rows: np.ndarray, train_scores: np.ndarray
) -> ModelOutputs:
    """Cuts scores at thresholds, one a class, that give the best F1 on training images.

    Args:
        task: the data set.
        scores: (N, C) of the test images.
        rows: R training images.
        train_scores: (R, C) of these.
    """
    train = task.train
    thresholds = choose_thresholds(
        train.labels[rows], train_scores, task.class_names, valid_mask=train.valid_mask[rows]
    )
    return ModelOutputs(scores, scores >= thresholds.of(task.class_names))
