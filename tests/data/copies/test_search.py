import glob

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from soft_images import encoded, soft_image

from kclip.data.copies.fingerprint import FINGERPRINT, fingerprint
from kclip.data.copies.fingerprinting import Fingerprinter
from kclip.data.copies.search import (
    MAX_BITS,
    MIRRORED,
    NEARLY,
    SAME_FILE,
    SAME_PIXELS,
    CopyPair,
    find_copies,
)

CHANGES = {
    "JPEG": lambda image: encoded(image, "JPEG", quality=40),
    "half": lambda image: encoded(image.resize((80, 60)), "JPEG"),
    "aspect": lambda image: encoded(image.resize((200, 120))),
    "cut": lambda image: encoded(image.crop((2, 2, 158, 118))),
    "bright": lambda image: encoded(ImageEnhance.Brightness(image).enhance(0.8)),
}


def prints(*images: bytes) -> np.ndarray:
    return np.stack([fingerprint(image) for image in images])


@pytest.mark.parametrize("change", CHANGES)
def test_changed_images_are_found_among_others(change):
    others = [encoded(soft_image(seed)) for seed in range(6)]
    (pair,) = find_copies(prints(*others, CHANGES[change](soft_image(2))))
    assert (pair.first, pair.second, pair.kind) == (2, 6, NEARLY)
    assert pair.bits <= MAX_BITS


def test_kinds_of_copies():
    image = soft_image(1)
    rows = prints(
        encoded(image),
        encoded(soft_image(2)),
        encoded(image, "BMP"),
        encoded(image),
        encoded(ImageOps.mirror(image)),
    )
    pairs = find_copies(rows)
    assert pairs == [
        CopyPair(0, 2, SAME_PIXELS),
        CopyPair(0, 3, SAME_FILE),
        CopyPair(0, 4, MIRRORED, pairs[-1].bits),
    ]


def test_a_color_makes_a_difference_that_hashes_do_not_see():
    def dot(color: str) -> bytes:
        image = Image.new("RGB", (96, 96), "black")
        image.paste(color, (20, 30, 60, 70))
        return encoded(image)

    blue, green = prints(dot("#2040c0"), dot("#108010"))
    assert np.bitwise_count(blue["hash"] ^ green["hash"]).sum() < MAX_BITS
    assert find_copies(np.stack([blue, green])) == []


def test_drawings_are_copies_only_in_nearly_the_same_colors():
    def square(color: str) -> Image.Image:
        image = Image.new("RGB", (96, 96), "#202020")
        image.paste(color, (12, 20, 80, 90))
        return image

    other, copy = encoded(square("#e06850")), encoded(square("#e04545"), "JPEG", quality=50)
    rows = prints(encoded(square("#e04545")), other, copy)
    assert np.bitwise_count(rows["hash"][0] ^ rows["hash"][1]).sum() < MAX_BITS
    assert [(pair.first, pair.second, pair.kind) for pair in find_copies(rows)] == [(0, 2, NEARLY)]


def test_images_of_one_color_are_copies_only_if_their_pixels_are():
    rows = prints(
        *(encoded(Image.new("RGB", (40, 40), color)) for color in ("#111", "#111", "#222"))
    )
    rows["content"][1] = 1  # as if the file had another header
    assert find_copies(rows) == [CopyPair(0, 1, SAME_PIXELS)]


def test_blocks_find_what_a_loop_over_all_pairs_finds(monkeypatch):
    monkeypatch.setattr("kclip.data.copies.near._ROWS", 3)
    monkeypatch.setattr("kclip.data.copies.near._COLUMNS", 5)
    rng = np.random.default_rng(0)
    rows = np.zeros(40, FINGERPRINT)
    rows["content"] = np.arange(1, 41)
    rows["pixels"] = np.arange(1, 41)
    # Neighbours in a random walk of 20 bits a step: near ones are copies, far ones are none.
    hashes = np.zeros((40, 256), np.uint8)
    for row in range(1, 40):
        hashes[row] = hashes[row - 1]
        hashes[row, rng.choice(256, 20, replace=False)] ^= 1
    rows["hash"] = np.packbits(hashes, axis=1).view(np.uint64)
    rows["mirrored"] = ~rows["hash"]
    rows["detail"] = 1
    rows["colors"] = rng.integers(0, 255, (8, 8, 3))
    expected = [
        (i, j, int((hashes[i] != hashes[j]).sum()))
        for i in range(40)
        for j in range(i + 1, 40)
        if (hashes[i] != hashes[j]).sum() <= 56
    ]
    assert [(pair.first, pair.second, pair.bits) for pair in find_copies(rows)] == expected
    assert 39 < len(expected) < 200


def test_rows_without_an_image_have_no_copies():
    assert find_copies(np.zeros(3, FINGERPRINT)) == []
    assert find_copies(np.zeros(0, FINGERPRINT)) == []


@pytest.mark.real_data
def test_flickr8k_has_one_copy_that_is_listed_twice(kclip_data):
    from pathlib import Path

    # Every fifth photograph, and the two that are the same file.
    pair = ["2851198725_37b6027625.jpg", "3050606344_af711c726c.jpg"]
    names = sorted(glob.glob(str(kclip_data / "flickr8k/images/*.jpg")))[::5]
    paths = [Path(name) for name in names if Path(name).name not in pair]
    paths += [kclip_data / "flickr8k/images" / name for name in pair]
    rows, faults = Fingerprinter()(paths, len(paths))
    assert not faults
    assert find_copies(rows) == [CopyPair(len(paths) - 2, len(paths) - 1, SAME_FILE)]
