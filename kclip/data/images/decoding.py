"""Image files to batches of one size, decoded on several threads."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from kclip.data.images.opening import ImageSource, load_image

Prepare = Callable[[Image.Image], np.ndarray]

DECODING_THREADS = 4


def decoded_batches(
    images: Sequence[ImageSource], prepare: Prepare, batch_size: int
) -> Iterator[np.ndarray]:
    """Loads images in order, a batch at a time.

    Args:
        images: N images, whatever `load_image` takes.
        prepare: from a Pillow image of mode RGB to (S, S, 3), a model's own.
        batch_size: images of a batch; the last one may be smaller.

    Yields:
        (B, S, S, 3) in the dtype of `prepare`.

    Raises:
        ImageError: one of them cannot be read.
    """
    with ThreadPoolExecutor(DECODING_THREADS) as pool:
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            yield np.stack(list(pool.map(lambda image: decode(image, prepare), batch)))


def decode(image: ImageSource, prepare: Prepare) -> np.ndarray:
    """Loads one image and brings it to a model's size; raises `ImageError`."""
    return prepare(load_image(image))
