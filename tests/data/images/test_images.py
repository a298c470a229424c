import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kclip.config.images import ImageLimits
from kclip.data.images import kinds, opening
from kclip.data.images.limits import limited_by
from kclip.data.images.opening import ImageError, decode_image, load_image

RAMP = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10  # 4 rows, 6 columns


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    image = load_image(data)
    assert image.mode == "RGB"
    return np.asarray(image)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def sixteen_bit_png(values: np.ndarray, colour_type: int) -> bytes:
    """A PNG written by hand: (H, W, C) uint16, filter 0."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def test_grey_is_repeated_over_the_channels():
    found = pixels(encoded(Image.fromarray(RAMP), "PNG"))
    np.testing.assert_array_equal(found, np.stack([RAMP] * 3, axis=-1))


@pytest.mark.parametrize("value", [0, 1, 128, 129, 32768, 65535])
def test_sixteen_bit_grey_is_scaled_not_clipped(value):
    data = sixteen_bit_png(np.full((2, 3), value, np.uint16), colour_type=0)
    assert pixels(data).max() == round(value / 257)


def test_sixteen_bit_colour_keeps_its_high_byte():
    values = np.array([[[0, 32768, 65535]]], np.uint16)
    np.testing.assert_allclose(pixels(sixteen_bit_png(values, 2)), [[[0, 127.5, 255]]], atol=0.6)


@pytest.mark.parametrize("adobe", [True, False])
def test_cmyk_follows_the_ink_formula(adobe):
    inks = np.zeros((8, 24, 4), np.uint8)  # three blocks, each as large as a JPEG block
    inks[:, :8] = 255, 0, 0, 0
    inks[:, 8:16] = 0, 200, 100, 50
    inks[:, 16:] = 0, 0, 0, 255
    image = Image.frombytes("CMYK", (24, 8), inks.tobytes())
    data = encoded(image, "JPEG", quality=100) if adobe else encoded(image, "TIFF")
    expected = (255.0 - inks[..., :3]) * (255.0 - inks[..., 3:]) / 255
    np.testing.assert_allclose(pixels(data), expected, atol=3)


def test_palette_with_alpha_lies_over_white():
    image = Image.new("P", (3, 1))
    image.putpalette([200, 0, 0, 0, 100, 0, 0, 0, 50])
    image.putdata([0, 1, 2])
    found = pixels(encoded(image, "PNG", transparency=bytes([255, 128, 0])))
    half = 128 / 255
    expected = [[200, 0, 0], [255 * (1 - half), 100 * half + 255 * (1 - half), 255 * (1 - half)]]
    np.testing.assert_allclose(found[0], [*expected, [255, 255, 255]], atol=1)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_half_transparent_black_is_grey(mode):
    image = Image.new("RGBA", (1, 1), (0, 0, 0, 128)).convert(mode)
    np.testing.assert_allclose(pixels(encoded(image, "PNG")), 127, atol=1)


def test_numbers_without_a_range_are_refused():
    for image in (Image.new("F", (2, 2), 0.5), Image.new("I", (2, 2), 100_000)):
        with pytest.raises(ImageError, match="not an image"):
            load_image(encoded(image, "TIFF"))


def test_transparent_colour_of_rgb_becomes_white():
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 9, 9))
    found = pixels(encoded(image, "PNG", transparency=(1, 2, 3)))
    np.testing.assert_array_equal(found[0], [[255, 255, 255], [9, 9, 9]])


# What a viewer must do with the stored rows and columns (EXIF 2.3, tag 0x0112), by hand.
UPRIGHT = {
    1: RAMP,
    2: RAMP[:, ::-1],
    3: RAMP[::-1, ::-1],
    4: RAMP[::-1],
    5: RAMP.T,
    6: RAMP[::-1].T,
    7: RAMP[::-1, ::-1].T,
    8: RAMP.T[::-1],
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_rotation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = pixels(encoded(Image.fromarray(RAMP), "PNG", exif=exif))
    np.testing.assert_array_equal(found[..., 0], UPRIGHT[orientation])


def test_senseless_exif_is_ignored():
    data = encoded(Image.fromarray(RAMP), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    assert load_image(data).size == (6, 4)


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))


@pytest.mark.parametrize(
    ("side", "decoded"), [(449, 449), (450, 225), (899, 450), (900, 225), (1800, 225)]
)
def test_a_jpeg_is_decoded_small_where_that_is_large_enough(side, decoded):
    data = encoded(Image.new("RGB", (side, side)), "JPEG")
    assert decode_image(data, larger_than=224).size == (decoded, decoded)


@pytest.mark.parametrize(
    "data",
    [encoded(NOISE, "JPEG"), encoded(NOISE, "JPEG", progressive=True), encoded(NOISE, "PNG")],
)
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_file_is_truncated(data, share):
    with pytest.raises(ImageError, match="truncated"):
        load_image(data[: max(12, int(len(data) * share))])


def test_a_jpeg_without_its_end_marker_is_truncated():
    thumbnail = encoded(Image.new("RGB", (8, 8)), "JPEG")  # its end marker must not count
    exif = b"Exif\0\0" + thumbnail
    data = encoded(NOISE, "JPEG", exif=exif)
    load_image(data)
    with pytest.raises(ImageError, match="truncated"):
        load_image(data[:-2])


def gif(frames: int) -> bytes:
    pictures = [Image.new("RGB", (4, 4), (50 * i, 0, 0)) for i in range(frames)]
    return encoded(pictures[0], "GIF", save_all=True, append_images=pictures[1:])


def huge_png() -> bytes:
    """1 GB of pixels in a header; the data are never looked at."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"")


def large_png() -> bytes:
    """Between Pillow's warning and its error."""
    return huge_png().replace(
        struct.pack(">II", 20_000, 20_000), struct.pack(">II", 10_000, 10_000)
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"these are words, not pixels", "not an image"),
        (gif(3), "animation: 3 frames"),
        (huge_png(), "truncated"),
        (large_png(), "truncated|image bomb"),
    ],
)
def test_bad_bytes_are_refused_with_a_reason(data, reason):
    with pytest.raises(ImageError, match=reason):
        load_image(data)


def test_a_still_gif_is_an_image():
    assert load_image(gif(1)).size == (4, 4)


def test_a_phone_photo_with_a_second_picture_is_no_animation():
    data = encoded(NOISE, "MPO", save_all=True, append_images=[NOISE])
    assert load_image(data).size == (40, 40)


def test_missing_files_and_folders_are_refused(tmp_path: Path):
    with pytest.raises(ImageError, match="^missing$"):
        load_image(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="a folder"):
        load_image(tmp_path)


def test_the_limit_of_pixels_is_that_of_the_user():
    with limited_by(ImageLimits(max_pixels=1599)), pytest.raises(ImageError) as error:
        load_image(encoded(NOISE, "PNG"))
    assert error.value.reason == "image bomb: 1,600 pixels; --max-pixels allows 1,599"
    with limited_by(ImageLimits(max_pixels=1600)):
        assert load_image(encoded(NOISE, "PNG")).size == (40, 40)
    assert Image.MAX_IMAGE_PIXELS is not None  # that of other programs stays


@pytest.mark.parametrize(("kind", "size"), [("JPEG", (300, 200)), ("PNG", (1200, 800))])
def test_a_large_photograph_is_decoded_at_a_fraction(monkeypatch, kind, size):
    monkeypatch.setattr(opening, "LARGE_PIXELS", 900_000)
    monkeypatch.setattr(opening, "LARGE_SIDE", 128)
    large = Image.new("RGB", (1200, 800), (40, 80, 120))
    image = load_image(encoded(large, kind))
    assert image.size == size  # a quarter; an eighth would be too small
    assert np.abs(np.array(image.getpixel((9, 9))) - (40, 80, 120)).max() <= 2


def test_a_photograph_of_108_megapixels(tmp_path):
    path = tmp_path / "phone.jpg"
    Image.new("L", (12_000, 9_000), 7).save(path, quality=1)
    assert load_image(path).size == (3000, 2250)


def test_heic_of_a_phone():
    pytest.importorskip("pillow_heif")
    data = encoded(Image.new("RGB", (40, 24), (200, 30, 30)), "HEIF", quality=90)
    image = load_image(data)
    assert image.size == (40, 24)
    assert np.abs(np.array(image.getpixel((9, 9))) - (200, 30, 30)).max() <= 6
    with pytest.raises(ImageError, match="truncated"):
        load_image(data[:40])


def test_heic_without_its_package_says_what_to_do(monkeypatch):
    without = kinds.readable_suffixes() - {".heic"}
    monkeypatch.setattr(kinds, "readable_suffixes", lambda: without)
    header = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    with pytest.raises(ImageError, match="HEIC needs pillow-heif; run: pip install pillow-heif"):
        load_image(header)


def test_no_file_starts_a_program():
    """Pillow hands EPS to Ghostscript; no format but those of images is tried."""
    for data in (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"%PDF-1.4\n" + b" " * 99):
        with pytest.raises(ImageError, match="^not an image$"):
            load_image(data)


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    for kind in ("pipe", "folder", "device"):
        with pytest.raises(ImageError, match=f"not an image: a {kind}"):
            load_image(tmp_path / f"{kind}.jpg")
