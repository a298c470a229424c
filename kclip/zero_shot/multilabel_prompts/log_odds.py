"""From the logits of combinations of classes to the log-odds of each class."""

import numpy as np


class RunningLogOdds:
    """Sums up a softmax over more combinations than fit in memory, part by part.

    Sums are kept relative to each image's highest logit so far, as in any stable softmax, and those
    of combinations with and without a class apart: p close to 1 keeps its digits that way.

    Args:
        num_images: N.
        num_classes: C.

    Attributes:
        best: (N, C) bool, the classes of each image's most similar combination; of equal ones the
            first.

    Example:
        The class is in one of two combinations, whose odds are 3 to 1:

        >>> running = RunningLogOdds(1, 1)
        >>> running.add(slice(0, 1), np.log([[3.0, 1.0]]), np.array([[True], [False]]))
        >>> running.log_odds(), running.best
        (array([[1.0986123]], dtype=float32), array([[ True]]))
    """

    def __init__(self, num_images: int, num_classes: int):
        self.best = np.zeros((num_images, num_classes), bool)
        self._highest = np.full(num_images, -np.inf)
        self._with = np.zeros((num_images, num_classes))
        self._without = np.zeros((num_images, num_classes))

    def add(self, rows: slice, logits: np.ndarray, members: np.ndarray) -> None:
        """Adds combinations to some images.

        Args:
            rows: the R images.
            logits: (R, K) floats, of K combinations.
            members: (K, C) bool, which classes are in each.
        """
        columns = logits.argmax(axis=1)
        peaks = np.take_along_axis(logits, columns[:, None], 1)[:, 0].astype(np.float64)
        better = peaks > self._highest[rows]
        self.best[rows] = np.where(better[:, None], members[columns], self.best[rows])
        highest = np.maximum(peaks, self._highest[rows])
        shrink = np.exp(self._highest[rows] - highest)[:, None]
        weights = np.exp(logits - highest[:, None])
        self._with[rows] = self._with[rows] * shrink + weights @ members
        self._without[rows] = self._without[rows] * shrink + weights @ ~members
        self._highest[rows] = highest

    def log_odds(self) -> np.ndarray:
        """Returns (N, C) float32, ln p(combinations with the class) - ln p(those without)."""
        tiny = np.finfo(np.float64).tiny  # what underflowed is not told apart, but stays finite
        odds = np.log(np.maximum(self._with, tiny)) - np.log(np.maximum(self._without, tiny))
        return odds.astype(np.float32)


def prefix_log_odds(logits: np.ndarray) -> np.ndarray:
    """Log-odds where every combination has the classes of the one before it and one more.

    Args:
        logits: (N, K + 1) floats, of nothing and of the first 1 to K classes of a ranking.

    Returns:
        (N, K) float64 for the ranks 1 to K, which never rise: p(rank k) is the share of the
        combinations from the k-th on.

    Example:
        >>> prefix_log_odds(np.log([[1.0, 2.0, 1.0]])).round(3).tolist()  # odds 3 : 1, 1 : 3
        [[1.099, -1.099]]
    """
    logits = np.asarray(logits, np.float64)
    without = np.logaddexp.accumulate(logits, axis=1)[:, :-1]
    with_rank = np.logaddexp.accumulate(logits[:, ::-1], axis=1)[:, ::-1][:, 1:]
    return with_rank - without
