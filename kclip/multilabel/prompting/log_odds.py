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


def ranking_log_odds(nothing: np.ndarray, singles: np.ndarray, prefixes: np.ndarray) -> np.ndarray:
    """Log-odds of ranked classes, from prompts of nothing, of each class, and of the first k.

    What a class has and what it has not are summed apart, as in `RunningLogOdds`.

    Args:
        nothing: (N, 1) floats, the logit of no class.
        singles: (N, C) floats, of each class alone, best first.
        prefixes: (N, K) floats, of the first 2 to K + 1 classes together, K < C.

    Returns:
        (N, C) float64, which never rise along the ranking.

    Example:
        Of weights 1, 2, 1 and 4 the second class has the last two:

        >>> nothing, singles, both = np.log([[1.0]]), np.log([[2.0, 1.0]]), np.log([[4.0]])
        >>> np.exp(ranking_log_odds(nothing, singles, both)).round(3).tolist()  # 6 : 2, 5 : 3
        [[3.0, 1.667]]
    """
    num_classes, num_prefixes = singles.shape[1], prefixes.shape[1]
    none = np.full((len(nothing), num_classes - num_prefixes), -np.inf)
    # The class of rank r (from 0) is in the prefixes from the (r - 1)-th on; the first, in all.
    ending = _sums(np.concatenate([prefixes, none], axis=1)[:, ::-1])[:, ::-1]
    having = np.concatenate([ending[:, :1], ending[:, :-1]], axis=1)
    begun = np.concatenate([none[:, :1], none[:, :1], prefixes, none], axis=1)
    lacking = _sums(begun)[:, :num_classes]
    above = _sums(np.concatenate([nothing, singles[:, :-1]], axis=1))
    below = _sums(np.concatenate([none[:, :1], singles[:, :0:-1]], axis=1))[:, ::-1]
    return np.logaddexp(singles, having) - np.logaddexp(np.logaddexp(above, below), lacking)


def _sums(logits: np.ndarray) -> np.ndarray:
    """The logarithm of the running sum of the weights along each row."""
    return np.logaddexp.accumulate(np.asarray(logits, np.float64), axis=1)
