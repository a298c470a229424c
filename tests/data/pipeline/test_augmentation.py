import numpy as np
import pytest
from PIL import Image, ImageOps

from kclip.data.pipeline.augmentation import SMALL_SIZE, build_augmentation, shrunk
from kclip.data.pipeline.rand_augment import rand_augment


def checkerboard(size, cell):
    places = np.arange(size) // cell
    board = 255.0 * ((places[:, None] + places) % 2)
    return np.repeat(board[None, :, :, None], 3, axis=-1).astype(np.float32)


def test_a_shrunk_picture_keeps_what_small_pixels_hold_and_loses_finer_detail():
    size = 4 * SMALL_SIZE
    coarse, fine = checkerboard(size, cell=size // 2), checkerboard(size, cell=1)
    np.testing.assert_allclose(shrunk(coarse)[:, 10:40, 10:40], coarse[:, 10:40, 10:40], atol=1)
    assert np.abs(np.asarray(shrunk(fine)) - 127.5).max() < 10  # grey


def test_a_picture_of_one_colour_stays_as_it_is():
    np.testing.assert_allclose(shrunk(np.full((2, 48, 48, 3), 99.0, np.float32)), 99, atol=1e-3)


def test_shrink_shows_about_half_of_the_images_small():
    images = np.repeat(checkerboard(2 * SMALL_SIZE, cell=1), 200, axis=0)
    shown = np.asarray(build_augmentation("shrink", seed=3)(images, np.arange(200), epoch=0))
    small = np.abs(shown - 127.5).max(axis=(1, 2, 3)) < 100
    assert small.mean() == pytest.approx(0.5, abs=0.15)
    np.testing.assert_array_equal(np.isin(shown[~small], (0, 255)), True)


NAMES = ("flip", "shrink", "crop", "randaugment")
IDS = np.array([5, 90, 17, 2**31 - 1, 0, 33])


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (6, 48, 48, 3)).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_what_happens_to_an_image_depends_on_seed_epoch_and_id_alone(images, name):
    whole = np.asarray(build_augmentation(name, seed=1)(images, IDS, epoch=4))
    assert whole.shape == images.shape and 0 <= whole.min() <= whole.max() <= 275
    order = np.array([3, 0, 5])  # in another batch, another place, by another function
    some = build_augmentation(name, seed=1)(images[order], IDS[order], epoch=4)
    np.testing.assert_allclose(np.asarray(some), whole[order], atol=1e-3)
    for seed, epoch in ((1, 5), (2, 4)):
        other = np.asarray(build_augmentation(name, seed=seed)(images, IDS, epoch=epoch))
        assert not np.allclose(other, whole, atol=1.0)


def test_flipped_images_stay_bytes_and_are_mirrors(images):
    images = images.astype(np.uint8)
    shown = np.asarray(build_augmentation("flip", seed=0)(images, IDS, epoch=0))
    assert shown.dtype == np.uint8
    kinds = [
        "same" if (new == old).all() else "mirror" if (new == old[:, ::-1]).all() else "other"
        for new, old in zip(shown, images, strict=True)
    ]
    assert set(kinds) == {"same", "mirror"}


def test_crops_show_half_to_all_of_the_area():
    """Of an image whose red and green say where a pixel was, the corners tell the box."""
    places = np.linspace(0, 1, 101, dtype=np.float32)
    image = np.stack([*np.meshgrid(places, places), np.zeros((101, 101))], axis=-1)
    batch = np.repeat(image[None], 200, axis=0)
    shown = np.asarray(build_augmentation("crop", seed=0)(batch, np.arange(200), epoch=0))
    widths = np.abs(shown[:, 0, -1, 0] - shown[:, 0, 0, 0])
    heights = shown[:, -1, 0, 1] - shown[:, 0, 0, 1]
    areas, ratios = widths * heights, widths / heights
    assert 0.45 <= areas.min() and areas.max() <= 1.001 and areas.mean() == pytest.approx(0.73, 0.1)
    assert 0.74 <= ratios.min() and ratios.max() <= 1.34


def round_of(operation, strength=0.5, direction=0.9):
    """Random numbers for one operation, and two rounds that do nothing."""
    nothing = [0.0, 0.99, 0.0, 0.0]
    return np.array([[(operation + 0.5) / 10, 0.0, strength, direction, *nothing, *nothing]])


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (0, lambda x: (x - x.min((1, 2))) / (x.max((1, 2)) - x.min((1, 2))) * 255),
        (2, lambda x: np.where(x < 255 * 0.7, x, 255 - x)),
        (4, lambda x: (1.3 * x - 0.3 * x.mean((1, 2))).clip(0, 255)),  # of one image
        (5, lambda x: (x + 255 * 0.3).clip(0, 255)),
    ],
    ids=["contrast_stretched", "solarised", "contrast", "brightness"],
)
def test_operations_of_randaugment_by_hand(images, operation, expected):
    numbers = round_of(operation).astype(np.float32)
    changed = np.asarray(rand_augment(images[:1], numbers))
    np.testing.assert_allclose(changed, expected(images[:1]), atol=0.05)


def test_equalising_is_pillows(images):
    dark = (images[:1] / 4).round().astype(np.float32)
    equalised = np.asarray(rand_augment(dark, round_of(1).astype(np.float32)))[0]
    pillows = ImageOps.equalize(Image.fromarray(dark[0].astype(np.uint8)))
    np.testing.assert_array_equal(equalised, np.asarray(pillows))


def test_moving_shifts_and_mirrors_at_the_edge(images):
    numbers = round_of(8, strength=10 / 48 / 0.6).astype(np.float32)  # by ten pixels along x
    moved = np.asarray(rand_augment(images[:1], numbers))
    np.testing.assert_allclose(moved[:, :, 10:], images[:1, :, :38], atol=0.05)
    np.testing.assert_allclose(moved[:, :, :10], images[:1, :, 9::-1], atol=0.05)
