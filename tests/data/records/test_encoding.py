import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kclip.data.images.opening import ImageError
from kclip.data.records import encoding as encoding_module
from kclip.data.records.encoding import Encoding, encode_image

SMOOTH = np.stack(np.meshgrid(np.arange(60) * 4, np.arange(40) * 6), axis=-1).astype(np.uint8)
SMOOTH = np.concatenate([SMOOTH, np.full((40, 60, 1), 90, np.uint8)], axis=-1)  # (40, 60, 3)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decode(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)


RGB, GREY = Image.fromarray(SMOOTH), Image.fromarray(SMOOTH[..., 0])
EXIF_ROTATED = Image.Exif()
EXIF_ROTATED[0x0112] = 6


@pytest.mark.parametrize("encoding", [Encoding(), Encoding(resize=40), Encoding(resize=500)])
@pytest.mark.parametrize(
    "data",
    [encoded(RGB, "JPEG"), encoded(GREY, "JPEG"), encoded(RGB, "PNG"), encoded(GREY, "PNG")],
)
def test_plain_files_stay_byte_for_byte(data, encoding):
    image = encode_image(data, encoding)
    assert image.data == data
    assert (image.height, image.width) == (40, 60)


@pytest.mark.parametrize(
    "data",
    [
        encoded(RGB.convert("CMYK"), "JPEG", quality=100),
        encoded(RGB, "JPEG", exif=EXIF_ROTATED, quality=100),
        encoded(RGB, "BMP"),
        encoded(RGB.convert("RGBA"), "PNG"),
        encoded(RGB.convert("P"), "PNG"),
        encoded(RGB.convert("1"), "PNG"),
        encoded(RGB, "WEBP"),
    ],
)
def test_other_files_become_plain(data):
    image = encode_image(data, Encoding(jpeg_quality=100))
    assert image.data != data
    again = encode_image(image.data, Encoding())
    assert again.data == image.data
    stored = Image.open(io.BytesIO(image.data))
    assert stored.mode == "RGB"
    assert stored.size == (image.width, image.height)


def test_lossless_files_lose_nothing():
    np.testing.assert_array_equal(
        decode(encode_image(encoded(RGB, "BMP"), Encoding()).data), SMOOTH.astype(float)
    )


def test_a_rotated_jpeg_is_turned():
    image = encode_image(encoded(RGB, "JPEG", exif=EXIF_ROTATED, quality=100), Encoding(None, 100))
    assert (image.height, image.width) == (60, 40)
    expected = SMOOTH[::-1].swapaxes(0, 1)
    assert np.abs(decode(image.data) - expected).mean() < 3


@pytest.mark.parametrize(("size", "expected"), [((60, 40), (30, 20)), ((40, 61), (20, 30))])
def test_resize_sets_the_shorter_side(size, expected):
    image = encode_image(encoded(RGB.resize(size), "PNG"), Encoding(resize=20))
    assert (image.width, image.height) == expected


def test_resize_averages_what_it_drops():
    """A 1-pixel checkerboard must become grey, which only an antialiased resize gives."""
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    data = encoded(Image.fromarray(board.astype(np.uint8)), "PNG")
    found = decode(encode_image(data, Encoding(resize=16)).data)
    np.testing.assert_allclose(found, 127.5, atol=12)


def test_a_large_jpeg_shrinks_as_the_same_png_does():
    """JPEGs are decoded at half of their size first, PNGs are not."""
    large = RGB.resize((600, 400), Image.Resampling.BICUBIC)
    jpeg, png = (
        encode_image(encoded(large, kind, **options), Encoding(130, 100))
        for kind, options in (("JPEG", {"quality": 100}), ("PNG", {}))
    )
    assert (jpeg.width, jpeg.height) == (png.width, png.height) == (195, 130)
    apart = np.abs(decode(jpeg.data) - decode(png.data))
    assert apart.mean() < 1 and apart.max() < 8  # the latter where colours meet


def test_quality_decides_the_size():
    data = encoded(RGB, "PNG")
    low, high = (len(encode_image(data, Encoding(20, quality)).data) for quality in (10, 95))
    assert low < high


ONE_FIFTH_OPAQUE = np.dstack([SMOOTH, np.full((40, 60), 51, np.uint8)])

# (bytes, what a person sees): by hand, without Pillow's conversions
SEEN = {
    "grey jpeg": (encoded(GREY, "JPEG", quality=100), SMOOTH[..., :1].repeat(3, axis=-1)),
    "grey png": (encoded(GREY, "PNG"), SMOOTH[..., :1].repeat(3, axis=-1)),
    "16 bits": (
        encoded(Image.fromarray(SMOOTH[..., 0].astype(np.uint16) * 257), "PNG"),
        SMOOTH[..., :1].repeat(3, axis=-1),
    ),
    "cmyk": (
        encoded(
            Image.frombytes(
                "CMYK", (60, 40), np.dstack([255 - SMOOTH, 0 * SMOOTH[..., 0]]).tobytes()
            ),
            "JPEG",
            quality=100,
        ),
        SMOOTH,
    ),
    "transparent": (
        encoded(Image.fromarray(ONE_FIFTH_OPAQUE), "PNG"),
        SMOOTH / 5 + 255 * 4 / 5,
    ),
    "rotated": (
        encoded(RGB, "JPEG", exif=EXIF_ROTATED, quality=100),
        SMOOTH[::-1].swapaxes(0, 1),
    ),
}


@pytest.mark.parametrize("kind", SEEN)
def test_tensorflow_shows_what_a_person_sees(kind):
    import tensorflow as tf

    data, seen = SEEN[kind]
    stored = encode_image(data, Encoding(jpeg_quality=100))
    found = tf.io.decode_image(stored.data, channels=3).numpy().astype(float)
    assert found.shape == (stored.height, stored.width, 3) == seen.shape
    np.testing.assert_allclose(found, seen, atol=9)
    assert np.abs(found - seen).mean() < 2


@pytest.mark.real_data
def test_photographs_stay_byte_for_byte(kclip_data: Path):
    for path in sorted((kclip_data / "coco_mini/train2017").iterdir())[:20]:
        assert encode_image(path, Encoding()).data == path.read_bytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_images_that_tensorflow_cannot_decode_are_shrunk(monkeypatch, kind):
    monkeypatch.setattr(encoding_module, "_TENSORFLOW_PIXELS", 60 * 40 - 1)
    monkeypatch.setattr(encoding_module, "_LARGE_SIDE", 20)
    image = encode_image(encoded(RGB, kind), Encoding())
    assert (image.height, image.width) == decode(image.data).shape[:2] == (20, 30)
    assert encode_image(encoded(RGB, kind), Encoding(resize=10)).height == 10


def test_the_limit_of_pixels_goes_to_the_workers_with_the_encoding():
    with pytest.raises(ImageError, match="image bomb: 2,400 pixels; --max-pixels allows 2,399"):
        encode_image(encoded(RGB, "PNG"), Encoding(max_pixels=2399))
