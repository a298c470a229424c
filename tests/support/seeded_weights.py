"""Weights that follow from names and shapes alone, so that goldens need not keep them."""

import zlib

import numpy as np


def seeded_weights(shapes):
    """Arrays by PyTorch's names under which signals neither vanish nor explode.

    Args:
        shapes: dict of name -> shape.

    Returns:
        dict of name -> float32 array; int64 for BatchNorm's count of batches.
    """
    return {name: _values(name, tuple(shape)) for name, shape in shapes.items()}


def _values(name, shape):
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    random = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("running_var"):
        return random.uniform(0.7, 1.3, shape).astype(np.float32)
    noise = random.standard_normal(shape, dtype=np.float32)
    if len(shape) < 2 and name.endswith(("weight", "scale", "lambda1")):
        return np.asarray(1 + 0.1 * noise, np.float32)  # a gain
    if len(shape) < 2:
        return np.asarray(0.1 * noise, np.float32)
    return noise * np.float32(1.4 / np.sqrt(np.prod(shape[1:])))
