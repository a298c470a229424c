"""Models on a user's images, a few of which may be missing or damaged."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from kclip.data.images.faults import image_fault, report_left_out
from kclip.data.images.opening import ImageError
from kclip.data.labelled.images import LabelledImages

Compute = Callable[[Sequence[Path | bytes]], np.ndarray]


class ImageEmbedder(Protocol):
    """`kclip.Embedder`, or a classifier: its probabilities embed images, too."""

    @property
    def digest(self) -> str:
        """Hex digest of all that embeddings depend on."""
        ...

    def embed_images(self, images: Sequence[Path | bytes]) -> np.ndarray:
        """Embeds N images: float32 (N, D); raises `ImageError` where one cannot be read."""
        ...


def compute_readable(
    compute: Compute, images: Sequence[Path | bytes], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Puts the images that can be read through a model and prints which can't, with the reason.

    Args:
        compute: from N images to an array (N, ...), such as `Embedder.embed_images`; it raises
            `ImageError` at an unreadable image.
        images: N files, or their encoded bytes.
        names: what the N images are called in messages.

    Returns:
        values: (R, ...), what `compute` returns for the readable images.
        readable: (R,) int64, rows of `images` in their order.

    Raises:
        UserError: more of the images can't be read than may be left out.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> from kclip.data.images.opening import load_image
        >>> buffer = io.BytesIO()
        >>> Image.new("RGB", (4, 3)).save(buffer, "PNG")
        >>> def widths(images):
        ...     return np.array([load_image(image).width for image in images])
        >>> values, readable = compute_readable(widths, [buffer.getvalue()], ["black.png"])
        >>> values.tolist(), readable.tolist()
        ([4], [0])
    """
    try:
        return compute(images), np.arange(len(images))
    except ImageError:
        # Only now is every image decoded twice: most folders are sound.
        faults = {row: reason for row, image in enumerate(images) if (reason := image_fault(image))}
    report_left_out([(names[row], reason) for row, reason in faults.items()], len(images))
    readable = [row for row in range(len(images)) if row not in faults]
    return compute([images[row] for row in readable]), np.array(readable, np.int64)


def compute_labelled(compute: Compute, images: LabelledImages) -> tuple[LabelledImages, np.ndarray]:
    """Puts the readable ones of labelled images through a model; as `compute_readable`.

    Returns:
        The R readable images, and (R, ...), what `compute` returns for them.
    """
    values, readable = compute_readable(compute, images.images, images.file_names)
    return images.rows(readable), values
