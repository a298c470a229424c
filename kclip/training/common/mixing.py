"""Weights between those before and those after a training."""

from collections.abc import Sequence

import numpy as np


def mix_weights(
    start: Sequence[np.ndarray], trained: Sequence[np.ndarray], fraction: float
) -> list[np.ndarray]:
    """Goes part of the way from the weights before a training to those after it.

    What training taught costs some of what a model knew before; between both lie weights that are
    better than either (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", Section 3).
    The logit scale is among them, as the logarithm that it is stored as.

    Args:
        start: arrays before the training.
        trained: the same after it.
        fraction: float in [0, 1], of the way; 1 gives the trained ones.

    Example:
        >>> mix_weights([np.zeros(2)], [np.array([4.0, 8.0])], 0.25)[0].tolist()
        [1.0, 2.0]
    """
    pairs = zip(start, trained, strict=True)
    return [(1 - fraction) * before + fraction * after for before, after in pairs]
