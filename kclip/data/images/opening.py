"""Opens an image file of any kind as plain RGB pixels, or says what is wrong with it."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image, UnidentifiedImageError

from kclip.data.images.kinds import heif_fault, readable_formats
from kclip.data.images.limits import image_limits
from kclip.errors import KclipError, UserError
from kclip.reading import NotAFileError, read_file

ImageSource = str | Path | bytes | Image.Image | np.ndarray

# Above this, Pillow's own mark for a decompression bomb, a JPEG is decoded at a fraction of its
# size, which leaves a shorter side of this many pixels or more: models take some hundred.
LARGE_PIXELS = 89_478_485
LARGE_SIDE = 2048
_FIRST_BYTES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
# EXIF orientation -> what turns the stored pixels upright
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")


_HEADERS = Lock()  # Pillow's limit is one of the whole process


class ImageError(KclipError):
    """An image that can't be used; `reason` says why in a few words."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


def load_image(source: ImageSource) -> Image.Image:
    """Loads an image as it should be seen.

    EXIF rotation is applied, CMYK converted, 16 bits scaled to 8, grey repeated over the three
    channels, and transparency laid over white. A JPEG of more than `LARGE_PIXELS` is decoded at a
    fraction of its size, with a shorter side of at least `LARGE_SIDE` pixels.

    Args:
        source: a file, the encoded bytes, a Pillow image, or a uint8 array (H, W, 3), RGB.

    Returns:
        A Pillow image of mode RGB, 8 bits a channel.

    Raises:
        UserError: an array is of another shape or dtype.
        ImageError: the file is missing, empty, truncated or damaged, not an image, an image bomb
            (see `image_limits`), or an animation.

    Example:
        >>> buffer = io.BytesIO()
        >>> Image.new("L", (2, 1), 7).save(buffer, "PNG")
        >>> load_image(buffer.getvalue()).getpixel((0, 0))
        (7, 7, 7)
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return to_rgb(source)
    source = Path(source) if isinstance(source, str) else source
    return to_rgb(decode_image(read_image_bytes(source), LARGE_SIDE, from_pixels=LARGE_PIXELS))


def _from_array(pixels: np.ndarray) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != 3:
        raise UserError(
            f"an array of {pixels.dtype} {pixels.shape} is no image; give uint8 (H, W, 3), RGB"
        )
    return Image.fromarray(pixels)


def read_image_bytes(source: Path | bytes) -> bytes:
    """Reads a file's bytes; raises `ImageError` where there are none."""
    try:
        data = source if isinstance(source, bytes) else read_file(source)
    except FileNotFoundError:
        raise ImageError("missing") from None
    except NotAFileError as error:
        raise ImageError(f"not an image: {error.kind}") from None
    except OSError as error:
        raise ImageError(f"unreadable: {error.strerror}") from None
    if not data:
        raise ImageError("empty")
    return data


def decode_image(
    data: bytes,
    larger_than: int | None = None,
    from_pixels: int = 0,
    max_pixels: int | None = None,
) -> Image.Image:
    """Decodes an image in the mode in which it is stored; raises `ImageError`.

    Args:
        data: the encoded bytes.
        larger_than: pixels. A JPEG is decoded at an eighth, a quarter or half of its size where
            that leaves a shorter side above this, which takes half of the time (as Pillow's
            `thumbnail` does); None for all pixels.
        from_pixels: images of fewer pixels are decoded whole in any case.
        max_pixels: of an image; those of `image_limits` by default.
    """
    with _pillow_errors(data):
        image = _open(data)
        pixels = image.width * image.height
        max_pixels = max_pixels or image_limits().max_pixels
        if pixels > max_pixels:
            raise ImageError(f"image bomb: {pixels:,} pixels; --max-pixels allows {max_pixels:,}")
        # A JPEG of a phone may carry a second image (MPO); the first is the photograph.
        frames = 1 if image.format in ("MPO", "HEIF") else getattr(image, "n_frames", 1)
        if frames > 1:
            raise ImageError(f"animation: {frames} frames")
        # Pillow forgives a missing end, TensorFlow does not.
        if not _has_end(data, image.format):
            raise ImageError(f"truncated: the end of the {image.format} is missing")
        if larger_than is not None and pixels >= from_pixels:
            image.draft(None, (larger_than + 1, larger_than + 1))
        image.load()
    return image


def header_size(data: bytes) -> tuple[int, int]:
    """Width and height as an image is stored, which is not decoded; raises `ImageError`."""
    with _pillow_errors(data):
        return _open(data).size


def _open(data: bytes) -> Image.Image:
    """Reads the header alone, of an image of any size: Pillow's limit is left out.

    The first bytes alone say what Pillow makes of a file, whatever its name; of other formats than
    images' some start a program (EPS: Ghostscript).
    """
    with _HEADERS:
        usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(io.BytesIO(data), formats=readable_formats())
        finally:
            Image.MAX_IMAGE_PIXELS = usual


def to_rgb(image: Image.Image) -> Image.Image:
    """Turns a decoded image upright and into 8-bit RGB; raises `ImageError`."""
    orientation = exif_orientation(image)
    if orientation != 1:
        image = image.transpose(_TURNS[orientation])
    if image.mode in _SIXTEEN_BIT_MODES:
        image = _grey_from_16_bits(image)
    try:
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        if image.mode == "F":  # Pillow would clip at 255, whatever the range is
            raise ValueError
        return image.convert("RGB")
    except ValueError:
        raise ImageError(f"not an image: pixels of kind {image.mode} have no RGB") from None


def exif_orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) to 8; 1 where there is none or it makes no sense."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "Corrupt EXIF data": treated as none
        try:
            orientation = image.getexif().get(0x0112, 1)
        except Exception:  # Pillow raises all sorts on damaged EXIF, which is no reason to refuse
            return 1
    return orientation if orientation in range(1, 9) else 1


@contextmanager
def _pillow_errors(data: bytes) -> Iterator[None]:
    """Turns whatever Pillow raises on bad bytes into an `ImageError`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # remarks on odd metadata
        try:
            yield
        except ImageError:
            raise
        except UnidentifiedImageError:
            known = data.startswith(_FIRST_BYTES)
            fault = "truncated: no whole header" if known else "not an image"
            raise ImageError(heif_fault(data[:16]) or fault) from None
        except (
            Exception
        ) as error:  # decoders raise OSError, SyntaxError, struct.error, IndexError...
            raise ImageError(f"truncated: {error}") from None


def _has_end(data: bytes, kind: str | None) -> bool:
    if kind == "PNG":
        return _PNG_END in data
    if kind != "JPEG":
        return True
    position = 2
    # Header segments are skipped by their lengths: a thumbnail inside has end markers of its own.
    while data[position : position + 1] == b"\xff" and data[position + 1] != _JPEG_SCAN:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return data.find(_JPEG_END, position) >= 0


def _grey_from_16_bits(image: Image.Image) -> Image.Image:
    import numpy as np

    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError("not an image: 32-bit values have no known range")
    # 65535 = 255 * 257, so this is the exact scale; Pillow's own conversion clips at 255.
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
