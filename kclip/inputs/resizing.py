"""An image at a model's size, by Pillow and NumPy alone."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

RESAMPLINGS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
}
MARGINS: dict[str, Callable[[float], int]] = {"even": round, "down": math.floor}


def resized_in_bytes(
    image: Image.Image, side: int, resize: str, interpolation: str, size: int, margin: str
) -> np.ndarray:
    """As OpenAI's and Hugging Face's preprocessing does, to the byte.

    Args:
        image: of mode RGB.
        side: S, height and width that are wanted.
        resize: "crop" or "squash"; see `kclip.models.ClipPreprocessor`.
        interpolation: a key of `RESAMPLINGS`.
        size: of the shorter side ("crop") or both sides before the middle is cut out.
        margin: a key of `MARGINS`.

    Returns:
        uint8 (S, S, 3).
    """
    sizes = [size, size]
    if resize == "crop":
        # The longer side is rounded down, as in torchvision and transformers.
        sizes = [size * length // min(image.size) for length in image.size]
    left, top = (MARGINS[margin]((length - side) / 2) for length in sizes)
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((sizes[0], sizes[1]), RESAMPLINGS[interpolation]).crop(box))


def resized_in_floats(image: Image.Image, side: int, resize: str) -> np.ndarray:
    """As `kclip.models.DualEncoderPreprocessor` does by tensors: rounded at the end alone.

    Args:
        image: of mode RGB.
        side: S, height and width that are wanted.
        resize: "squash" fits the whole image into the square; "crop" cuts out the middle square.

    Returns:
        uint8 (S, S, 3); of 1,000 values some one may differ by 1, where a sum is near a half.
    """
    if resize == "crop":
        short = min(image.size)
        left, top = ((length - short) // 2 for length in image.size)
        image = image.crop((left, top, left + short, top + short))
    if image.size == (side, side):
        return np.asarray(image)
    # A channel of floats keeps what lies between two passes; an image of bytes is rounded twice.
    channels = [
        np.asarray(channel.convert("F").resize((side, side), Image.Resampling.BICUBIC))
        for channel in image.split()
    ]
    return np.clip(np.round(np.stack(channels, axis=-1)), 0, 255).astype(np.uint8)
