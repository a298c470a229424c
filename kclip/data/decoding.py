"""Image files to batches of one size, decoded on several threads."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from kclip.data.images import load_image

DECODING_THREADS = 4


def decoded_batches(
    images: Sequence[Path | bytes], resize: Callable[[np.ndarray], Any], batch_size: int
) -> Iterator[np.ndarray]:
    """Loads images in order, a batch at a time.

    Args:
        images: N files, or their encoded bytes.
        resize: from uint8 (H, W, 3) to (S, S, 3), a model's own.
        batch_size: images of a batch; the last one may be smaller.

    Yields:
        (B, S, S, 3) in the dtype of `resize`.

    Raises:
        ImageError: one of them cannot be read.
    """
    with ThreadPoolExecutor(DECODING_THREADS) as pool:
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            yield np.stack(list(pool.map(lambda image: decode(image, resize), batch)))


def decode(image: Path | bytes, resize: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Loads one image and brings it to a model's size; raises `ImageError`."""
    return np.asarray(resize(np.asarray(load_image(image))))
