"""Embedding a user's images, a few of which may be missing or damaged."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from kclip.data.images.faults import image_fault, report_left_out
from kclip.data.images.opening import ImageError


class ImageEmbedder(Protocol):
    """`kclip.Embedder`, or a classifier: its probabilities embed images, too."""

    @property
    def digest(self) -> str:
        """Hex digest of all that embeddings depend on."""
        ...

    def embed_images(self, images: Sequence[Path | bytes]) -> np.ndarray:
        """Embeds N images: float32 (N, D); raises `ImageError` where one cannot be read."""
        ...


def embed_readable_images(
    embedder: ImageEmbedder, images: Sequence[Path | bytes], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Embeds the images that can be read and prints which can't, with the reason.

    Args:
        embedder: the model; its `embed_images` raises `ImageError` at an unreadable image.
        images: N files, or their encoded bytes.
        names: what the N images are called in messages.

    Returns:
        embeddings: (R, D) float32, L2-normalised.
        readable: (R,) int64, rows of `images` in their order.

    Raises:
        UserError: more than 1 % of the images can't be read.
    """
    try:
        return embedder.embed_images(images), np.arange(len(images))
    except ImageError:
        # Only now is every image decoded twice: most folders are sound.
        faults = {row: reason for row, image in enumerate(images) if (reason := image_fault(image))}
    report_left_out({names[row]: reason for row, reason in faults.items()}, len(images))
    readable = [row for row in range(len(images)) if row not in faults]
    return embedder.embed_images([images[row] for row in readable]), np.array(readable, np.int64)
