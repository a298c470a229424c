"""The running average of a model's weights that its optimizer keeps (`use_ema`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np


@contextmanager
def averaged_weights(model: Any) -> Iterator[None]:
    """Puts the averages in the place of the trained weights for the length of the block.

    Does nothing where the optimizer keeps none, or has not made a step.

    Args:
        model: compiled Keras model.
    """
    if keras.backend.backend() == "jax":
        model.jax_state_sync()  # within `fit` the variables lag behind
    before = [np.array(variable) for variable in model.trainable_variables]
    use_averaged_weights(model)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, before, strict=True):
            variable.assign(value)


def use_averaged_weights(model: Any) -> None:
    """Puts the averages in the place of the trained weights for good."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if optimizer.use_ema and int(optimizer.iterations):
        # What Keras' own SwapEMAWeights reads.
        averages = optimizer._model_variables_moving_average
        for variable, average in zip(optimizer._trainable_variables, averages, strict=True):
            variable.assign(np.array(average))  # a copy: JAX would delete both with one
