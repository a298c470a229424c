"""The one loop from a user's images to what a model computes of them."""

from collections.abc import Callable, Sequence

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.data.images.decoding import Prepare, decoded_batches
from kclip.data.images.opening import ImageSource


def compute_batches(
    images: Sequence[ImageSource],
    prepare: Prepare,
    compute: Callable[[np.ndarray], np.ndarray],
    width: int,
    batch_size: int,
    what: str | None,
) -> np.ndarray:
    """Puts images through a model, batch by batch.

    Args:
        images: N paths, encoded images, Pillow images or uint8 arrays (H, W, 3).
        prepare: the model's own, from a Pillow image to pixels (S, S, 3).
        compute: from pixels (B, S, S, 3) to (B, W).
        width: W, for N = 0.
        batch_size: images that go through the model at once.
        what: the text of the progress bar; None for no bar.

    Returns:
        float32 (N, W).

    Raises:
        ImageError: an image cannot be read; `load_image` says why.

    Example:
        >>> compute_batches([], np.asarray, lambda pixels: pixels[:, 0, 0], 3, 64, None).shape
        (0, 3)
    """
    values = [np.zeros((0, width), np.float32)]
    with ProgressBar(total=len(images), unit="img", desc=what, disable=what is None) as bar:
        for batch in decoded_batches(images, prepare, batch_size):
            values.append(np.asarray(compute(batch), np.float32))
            bar.update(len(batch))
    return np.concatenate(values)
