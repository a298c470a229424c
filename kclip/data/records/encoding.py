"""The bytes under which an image is stored: the file's own where possible."""

import io
import math
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from kclip.config.images import MAX_PIXELS
from kclip.data.images.opening import (
    decode_image,
    exif_orientation,
    header_size,
    read_image_bytes,
    to_rgb,
)

_LOSSY_FORMATS = ("JPEG", "MPO", "WEBP", "AVIF", "HEIF")
# TensorFlow decodes images of less than 2^29 values; larger ones are shrunk to this shorter side.
_TENSORFLOW_PIXELS, _LARGE_SIDE = 2**29 // 3, 4096
_PNG_BIT_DEPTH = 24  # position of the bit depth in a PNG file (IHDR comes first)


@dataclass(frozen=True)
class Encoding:
    """How images are stored.

    Attributes:
        resize: shorter side in pixels to shrink to, or None; smaller images are not enlarged.
            Images of more than 178 megapixels, which TensorFlow can't decode, are shrunk to 4,096
            in any case.
        jpeg_quality: 1 to 100, for images that have to be encoded anew as JPEG.
        max_pixels: of an image; a larger one is taken for a decompression bomb.
    """

    resize: int | None = None
    jpeg_quality: int = 90
    max_pixels: int = MAX_PIXELS


@dataclass(frozen=True)
class EncodedImage:
    """JPEG or PNG bytes, 8 bits a channel, RGB or grey, upright, with their size in pixels."""

    data: bytes
    height: int
    width: int


def encode_image(source: Path | bytes, encoding: Encoding) -> EncodedImage:
    """Checks an image by decoding it whole and returns what to store.

    The bytes stay as they are when no resize is needed and the file is a plain JPEG or PNG;
    otherwise they are encoded anew, as JPEG, or as PNG where nothing was lost so far.

    Raises:
        ImageError: see `kclip.data.images.opening.load_image`.

    Example:
        >>> buffer = io.BytesIO()
        >>> Image.new("RGB", (40, 20)).save(buffer, "PNG")
        >>> encode_image(buffer.getvalue(), Encoding(resize=10)).width
        20
    """
    data = read_image_bytes(source)
    resize = encoding.resize
    if math.prod(header_size(data)) > _TENSORFLOW_PIXELS:
        resize = min(resize or _LARGE_SIDE, _LARGE_SIDE)
    image = decode_image(data, larger_than=resize, max_pixels=encoding.max_pixels)
    shrink = resize is not None and min(image.size) > resize
    if not shrink and _is_plain(image, data):
        return EncodedImage(data, image.height, image.width)
    rgb = to_rgb(image)
    if shrink and resize is not None:
        rgb = rgb.resize(_shrunk_size(rgb.size, resize), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    if shrink or image.format in _LOSSY_FORMATS:
        rgb.save(buffer, "JPEG", quality=encoding.jpeg_quality)
    else:
        rgb.info.clear()  # no colour profile or gamma: readers would differ in applying it
        rgb.save(buffer, "PNG")
    return EncodedImage(buffer.getvalue(), rgb.height, rgb.width)


def _is_plain(image: Image.Image, data: bytes) -> bool:
    """Whether TensorFlow decodes these bytes to the pixels that Pillow shows."""
    if image.format not in ("JPEG", "PNG") or image.mode not in ("RGB", "L"):
        return False
    if image.format == "PNG" and (data[_PNG_BIT_DEPTH] != 8 or image.has_transparency_data):
        return False
    return exif_orientation(image) == 1


def _shrunk_size(size: tuple[int, int], shorter_side: int) -> tuple[int, int]:
    scale = shorter_side / min(size)
    width, height = (max(shorter_side, round(side * scale)) for side in size)
    return width, height
