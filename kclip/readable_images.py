"""Embedding a user's images, a few of which may be missing or damaged."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from kclip.data.images import ImageError, load_image
from kclip.errors import UserError

MAX_LEFT_OUT = 0.01  # the share of images that may be left out, as in build_tfrecords
MAX_NAMED = 20  # lines about images left out; beyond that a count is enough


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


def report_left_out(faults: Mapping[str, str], total: int) -> None:
    """Prints what is left out of an evaluation or index.

    Args:
        faults: file name -> why the image can't be used.
        total: how many inputs there were, these included.

    Raises:
        UserError: `faults` are more than 1 % of `total`.
    """
    lines = [f"{name}: {reason}" for name, reason in faults.items()]
    for line in lines[:MAX_NAMED]:
        print(f"left out: {line}")
    if len(faults) > MAX_NAMED:
        print(f"left out: {len(faults) - MAX_NAMED} more")
    if len(faults) > MAX_LEFT_OUT * total:
        raise UserError(
            f"{len(faults)} of {total} images can't be used, more than the "
            f"{MAX_LEFT_OUT:.0%} that may be left out (the first: {lines[0]}); "
            "add or repair them, or take them off the list"
        )


def image_fault(image: Path | bytes) -> str | None:
    """Why an image can't be used, or None where it can."""
    try:
        load_image(image)
    except ImageError as error:
        return error.reason
    return None
