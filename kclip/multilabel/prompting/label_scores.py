"""What every prompt method returns: how likely each class is, and the method's own decision."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelScores:
    """Scores and decisions of N images over C classes.

    Attributes:
        scores: (N, C) float32, log-odds: ln p(class is there) - ln p(it is not). Unlike
            probabilities they don't run into 0 or 1, so that images stay in order.
        labels: (N, C) bool, the labels that the paper's method gives. They are its own decision,
            such as the best combination, and not always the classes whose score is above 0.
    """

    scores: np.ndarray
    labels: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """The scores as probabilities, (N, C) float32 in [0, 1].

        Example:
            >>> LabelScores(np.zeros((1, 2), np.float32), np.ones((1, 2), bool)).probabilities
            array([[0.5, 0.5]], dtype=float32)
        """
        from scipy.special import expit

        return expit(self.scores)
