"""Whether one of two classifiers is right more often than the other, on the same images."""

import numpy as np


def mcnemar_p_value(first_right: np.ndarray, second_right: np.ndarray) -> float:
    """McNemar's exact test (McNemar 1947): could a fair coin have made the difference?

    Images that both get right, or both wrong, say nothing; of the others, each classifier gets
    half if they are equally good, so the counts are held against a binomial of 1/2, two-sided.

    Args:
        first_right: (N,) bool, where the first classifier is right.
        second_right: (N,) bool, where the second one is.

    Returns:
        The p-value in [0, 1]; 1 where they never differ.

    Example:
        >>> first = np.array([True] * 9 + [False])
        >>> mcnemar_p_value(first, ~first)  # 9 against 1: 2 * (1 + 10) / 2**10
        0.021484375
    """
    from scipy.stats import binomtest

    wins = int(np.count_nonzero(first_right & ~second_right))
    losses = int(np.count_nonzero(second_right & ~first_right))
    if wins + losses == 0:
        return 1.0
    return float(binomtest(wins, wins + losses, 0.5).pvalue)
