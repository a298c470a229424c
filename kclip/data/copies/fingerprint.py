"""What an image looks like in some 280 bytes: enough to find its copies without it."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from kclip.data.images.opening import (
    decode_image,
    exif_orientation,
    header_size,
    read_image_bytes,
    to_rgb,
)

_HASHED_SIDE = 64  # a JPEG is decoded at a fraction of its size, but not below this
_STEP = 8  # of 255 grey values
HASH_SIZE = 16  # the hash has the square of this as its number of bits
COLORS_SIDE = 8
# To be raised with every change of what follows: fingerprints are kept from run to run.
FINGERPRINT_VERSION = 1
# One row an image:
#   content    digest of the file's bytes
#   pixels     digest of the decoded pixels and their size
#   hash       256 bits of the lowest frequencies of its grey values
#   mirrored   the same of its mirror image
#   colors     its colours at 8 x 8 pixels
#   detail     fraction of neighbours among 64 x 64 pixels that differ by more than 8 grey values:
#              above 0.1 in 99 of 100 photographs, less in drawings, charts and patches of colour
#   height, width  of the image as it should be seen
FINGERPRINT = np.dtype(
    [
        ("content", np.uint64),
        ("pixels", np.uint64),
        ("hash", np.uint64, 4),
        ("mirrored", np.uint64, 4),
        ("colors", np.uint8, (COLORS_SIDE, COLORS_SIDE, 3)),
        ("detail", np.float32),
        ("height", np.int32),
        ("width", np.int32),
    ]
)


def fingerprint(source: Path | bytes, max_pixels: int | None = None) -> np.ndarray:
    """Reads an image and keeps what its copies have in common with it.

    Args:
        source: a file, or the encoded bytes.
        max_pixels: of an image; a larger one is taken for a decompression bomb. By default those
            of `kclip.data.images.limits`.

    Returns:
        A row of the dtype `FINGERPRINT`, of shape ().

    Raises:
        ImageError: see `kclip.data.images.opening.load_image`.

    Example:
        >>> import io
        >>> buffer = io.BytesIO()
        >>> Image.new("L", (2, 1), 7).save(buffer, "PNG")
        >>> row = fingerprint(buffer.getvalue())
        >>> int(row["height"]), int(row["width"]), row["colors"][0, 0].tolist()
        (1, 2, [7, 7, 7])
    """
    data = read_image_bytes(source)
    image = decode_image(data, larger_than=_HASHED_SIDE, max_pixels=max_pixels)
    rgb = to_rgb(image)
    # Means of areas take a third of the time of other filters, and small images have none.
    large = min(rgb.size) >= 2 * _HASHED_SIDE
    kind = Image.Resampling.BOX if large else Image.Resampling.BICUBIC
    small = rgb.resize((_HASHED_SIDE, _HASHED_SIDE), kind)
    row = np.zeros((), FINGERPRINT)
    row["content"] = _digest(data)
    row["pixels"] = _digest(repr(rgb.size).encode() + rgb.tobytes())
    row["hash"] = _hash(small)
    row["mirrored"] = _hash(ImageOps.mirror(small))
    row["colors"] = np.asarray(small.resize((COLORS_SIDE, COLORS_SIDE), Image.Resampling.BOX))
    row["detail"] = _detail(np.asarray(small.convert("L"), np.float32))
    row["width"], row["height"] = _upright_size(data, exif_orientation(image))
    return row


def _hash(image: Image.Image) -> np.ndarray:
    """(4,) uint64: the perceptual hash by the discrete cosine transform."""
    import imagehash

    return np.packbits(imagehash.phash(image, HASH_SIZE).hash).view(np.uint64)


def _detail(grey: np.ndarray) -> float:
    steps = [np.abs(np.diff(grey, axis=axis)) > _STEP for axis in (0, 1)]
    return float(np.mean([own.mean() for own in steps]))


def _digest(data: bytes) -> np.uint64:
    return np.frombuffer(hashlib.sha256(data).digest()[:8], np.uint64)[0]


def _upright_size(data: bytes, orientation: int) -> tuple[int, int]:
    """Width and height from the header, since the image may be decoded at a fraction of them."""
    width, height = header_size(data)
    return (height, width) if orientation >= 5 else (width, height)  # turned by a quarter
