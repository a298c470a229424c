"""A config may ask for more weights than its file holds: refused before memory is taken."""

import math
from contextlib import contextmanager

import keras
import numpy as np

from kclip.errors import UserError

# A tower may be built with a pooler that it drops, joins what a file keeps apart, and has layers
# without weights.
_NUMBERS, _ARRAYS, _LAYERS = 2, 4, 4
_SMALL_NUMBERS, _SMALL_ARRAYS, _FEW_LAYERS = 10**7, 1000, 2000


@contextmanager
def no_more_weights_than(numbers, arrays, folder):
    """Has a model that is built meanwhile ask for no more weights than a file could fill.

    Args:
        numbers: how many the file holds.
        arrays: in how many arrays.
        folder: for the message.

    Raises:
        UserError: the layers ask for more than twice as many numbers or four times as many
            arrays, or are more than four times as many themselves; 10 million numbers, 1,000
            arrays and 2,000 layers are allowed in any case.
    """
    left = {
        "numbers": _NUMBERS * numbers + _SMALL_NUMBERS,
        "arrays": _ARRAYS * arrays + _SMALL_ARRAYS,
        "layers": _LAYERS * arrays + _FEW_LAYERS,
    }
    add_weight, init = keras.Layer.add_weight, keras.Layer.__init__

    def take(kind, count=1):
        left[kind] -= count
        if left[kind] < 0:
            raise UserError(
                f"the config in {str(folder)!r} describes a model of more weights than the "
                f"{numbers:,} in {arrays:,} arrays that its file holds; the two belong to "
                "different models"
            )

    def counted_weight(self, shape=None, *args, **kwargs):
        sides = (shape,) if isinstance(shape, int) else tuple(shape or ())
        take("numbers", math.prod(side for side in sides if isinstance(side, int)))
        take("arrays")
        return add_weight(self, shape, *args, **kwargs)

    def counted_init(self, *args, **kwargs):
        take("layers")
        init(self, *args, **kwargs)

    keras.Layer.add_weight, keras.Layer.__init__ = counted_weight, counted_init
    try:
        yield
    finally:
        keras.Layer.add_weight, keras.Layer.__init__ = add_weight, init


def refuse_odd_weights(model, stored, folder):
    """Raises a `UserError` where a model that was just filled can give no answers.

    Args:
        model: a Keras model.
        stored: `StoredWeights` of its file.
        folder: for the message.
    """
    floats = [v for v in model.weights if keras.backend.is_float_dtype(v.dtype)]
    if len(stored.integers) > len(model.weights) - len(floats):
        raise UserError(
            f"the weights in {str(folder)!r} hold whole numbers, such as {stored.integers[0]!r}; "
            "kclip reads floats, so save the model without quantisation"
        )
    places = sum(math.prod(variable.shape) for variable in floats)
    if stored.floats > places:
        raise UserError(
            f"the weights in {str(folder)!r} are {stored.floats:,} floats, but the model of its "
            f"config has places for {places:,}; the two belong to different models"
        )
    for variable in floats:
        refuse_not_finite(keras.ops.convert_to_numpy(variable), variable.path, folder)


def refuse_not_finite(array, name, folder):
    """Raises a `UserError` where an array of weights holds NaN or infinity."""
    # A sum is finite only if all are, and takes no second array; bfloat16 has its own kind.
    values = array if array.dtype.kind == "f" and array.itemsize >= 4 else array.astype(np.float32)
    with np.errstate(all="ignore"):
        fine = np.isfinite(values.sum(dtype=np.float64)) or np.isfinite(values).all()
    if not fine:
        kind = "NaN" if np.isnan(values).any() else "infinity"
        raise UserError(
            f"the weight {name!r} in {str(folder)!r} holds {kind}, so that the model would answer "
            "nothing; copy it again, or train it again"
        )
