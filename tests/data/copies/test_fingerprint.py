import numpy as np
import pytest
from PIL import Image, ImageOps
from soft_images import encoded, soft_image

from kclip.data.copies.fingerprint import FINGERPRINT, fingerprint
from kclip.data.images.opening import ImageError


def test_a_row_holds_size_colors_and_hashes():
    row = fingerprint(encoded(soft_image(0, 300, 200)))
    assert row.dtype == FINGERPRINT and row.shape == ()
    assert (row["width"], row["height"]) == (300, 200)
    mirror = fingerprint(encoded(ImageOps.mirror(soft_image(0, 300, 200))))
    # Not to the last bit, since the areas of which means are taken start at the left.
    for one, other in (("mirrored", "hash"), ("hash", "mirrored")):
        assert np.bitwise_count(row[one] ^ mirror[other]).sum() <= 8


def test_the_hash_is_the_librarys():
    import imagehash

    image = soft_image(3, 64, 64)  # already of the hashed size, so nothing is resized before
    bits = np.unpackbits(fingerprint(encoded(image))["hash"].view(np.uint8)).astype(bool)
    np.testing.assert_array_equal(bits, imagehash.phash(image, 16).hash.ravel())


def test_the_size_is_that_of_the_upright_image_however_it_is_decoded():
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    row = fingerprint(encoded(soft_image(0, 900, 600), "JPEG", exif=exif))
    assert (row["width"], row["height"]) == (600, 900)
    turned = soft_image(0, 900, 600).transpose(Image.Transpose.ROTATE_270)
    upright = fingerprint(encoded(turned, "JPEG", quality=95))
    assert np.bitwise_count(row["hash"] ^ upright["hash"]).sum() < 20


def test_detail_is_the_fraction_of_steps_between_neighbours():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 100  # each pixel differs from its left neighbour, and not from its upper one
    assert fingerprint(encoded(Image.fromarray(stripes)))["detail"] == 0.5
    stripes[:, ::2] = 8
    assert fingerprint(encoded(Image.fromarray(stripes)))["detail"] == 0


def test_pixels_are_known_through_another_lossless_format():
    image = soft_image(1)
    png, bmp = fingerprint(encoded(image)), fingerprint(encoded(image, "BMP"))
    assert png["pixels"] == bmp["pixels"] and png["content"] != bmp["content"]


def test_what_is_no_image_has_no_fingerprint():
    with pytest.raises(ImageError):
        fingerprint(b"text")


def test_a_large_image_is_read_up_to_a_limit():
    # One colour, so that 100 megapixels, more than Pillow's own limit, are a small file.
    data = encoded(Image.new("L", (12_500, 8_000), 90), "JPEG")
    row = fingerprint(data)
    assert (row["width"], row["height"]) == (12_500, 8_000)
    with pytest.raises(ImageError, match="image bomb"):
        fingerprint(data, max_pixels=99_000_000)
