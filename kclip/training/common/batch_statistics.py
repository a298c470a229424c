"""Running statistics of batch normalisation that fit the length of a training."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

ROWS_AT_ONCE = 4096
# Steps that a running average spans are this fraction of a training: at its end a ten-thousandth of
# where it started is left.
FRACTION_OF_TRAINING = 0.1


def set_exact_statistics(standardization: Any, features: np.ndarray) -> None:
    """Gives a standardisation the mean and variance of features that will not change, for good.

    Args:
        standardization: `keras.layers.BatchNormalization`, built.
        features: (..., F), which may be memory-mapped.
    """
    rows = features.reshape(-1, features.shape[-1])
    total = np.zeros((2, features.shape[-1]))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE].astype(np.float64)
        total += part.sum(axis=0), (part**2).sum(axis=0)
    mean, mean_of_squares = total / len(rows)
    standardization.moving_mean.assign(mean)
    standardization.moving_variance.assign(np.maximum(mean_of_squares - mean**2, 0))
    standardization.trainable = False  # in training, too, it now takes these


def fit_momentum(layers: Iterable[Any], steps: int) -> None:
    """Lets running averages of batch statistics span no more than a tenth of a training.

    Keras' momentum of 0.99 spans a hundred steps: after a training of fifty, most of a running
    average would still be where it started.

    Args:
        layers: of a model; those that are no batch normalisation, or not trained, stay.
        steps: int. Of the whole training.

    Example:
    >>> layer = keras.layers.BatchNormalization()
    >>> fit_momentum([layer], steps=50)
    >>> layer.momentum
    0.8
    """
    span = max(1.0, FRACTION_OF_TRAINING * steps)
    for layer in layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            layer.momentum = min(layer.momentum, 1 - 1 / span)
