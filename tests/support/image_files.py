"""Small image files for the tests of the builder."""

import io

import numpy as np
from PIL import Image


def noise_pixels(seed: int, height: int = 12, width: int = 16) -> np.ndarray:
    """Returns (height, width, 3) uint8, different for every seed."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def noise_png(seed: int, height: int = 12, width: int = 16) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(noise_pixels(seed, height, width)).save(buffer, "PNG")
    return buffer.getvalue()
