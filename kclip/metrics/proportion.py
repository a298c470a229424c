"""Bounds of a proportion by Clopper and Pearson (1934): exact for small counts, too."""

import numpy as np

# Of a bound that a threshold is chosen by.
CONFIDENCE = 0.95


def proportion_interval(
    successes: int, trials: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Returns what the true proportion lies between.

    Args:
        successes: k in [0, N].
        trials: N > 0.
        confidence: in (0, 1), of both ends together.

    Example:
        Ten of ten are right, and yet the truth may be 70 %:

        >>> low, high = proportion_interval(10, 10)
        >>> round(low, 4), high
        (0.6915, 1.0)
    """
    from scipy.stats import binomtest

    interval = binomtest(successes, trials).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)


def proportion_lower_bounds(
    successes: np.ndarray, trials: np.ndarray, confidence: float = 0.95
) -> np.ndarray:
    """Returns what each true proportion is above, with one-sided confidence.

    Args:
        successes: (T,) integers in [0, N].
        trials: (T,) integers N > 0.
        confidence: in (0, 1).

    Returns:
        (T,) float64 in [0, 1).

    Example:
        0.05 to the power of 1/10, since ten of ten then have a chance of 5 %:

        >>> proportion_lower_bounds(np.array([10, 0]), np.array([10, 10])).round(4).tolist()
        [0.7411, 0.0]
    """
    from scipy.special import betaincinv

    successes, trials = np.asarray(successes), np.asarray(trials)
    bounds = betaincinv(np.maximum(successes, 1), trials - successes + 1, 1 - confidence)
    return np.where(successes > 0, bounds, 0.0)


def counts_from_the_top(
    scores: np.ndarray, hits: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts trials and successes down to each score that occurs.

    Args:
        scores: (N,) floats, N > 0.
        hits: (N,) bool.

    Returns:
        Three arrays (T,): the scores that occur, from the highest down; how many are at least
        that; how many of these are hits.

    Example:
        >>> hits = np.array([True, False, True, True])
        >>> [row.tolist() for row in counts_from_the_top(np.array([0.2, 0.7, 0.7, 0.9]), hits)]
        [[0.9, 0.7, 0.2], [1, 3, 4], [1, 2, 3]]
    """
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    # Equal scores are counted together: the last of each run stands for all.
    ends = np.flatnonzero(np.append(np.diff(falling) != 0, True))
    return falling[ends], ends + 1, np.cumsum(hits[order])[ends]
