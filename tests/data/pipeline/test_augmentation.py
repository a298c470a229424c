import numpy as np
import pytest

from kclip.data.pipeline.augmentation import SMALL_SIZE, build_augmentation, shrunk


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


def test_shrink_shows_about_half_of_the_pictures_small():
    images = np.repeat(checkerboard(2 * SMALL_SIZE, cell=1), 200, axis=0)
    shown = np.asarray(build_augmentation("shrink", 2 * SMALL_SIZE, seed=3)(images))
    small = np.abs(shown - 127.5).max(axis=(1, 2, 3)) < 100
    assert small.mean() == pytest.approx(0.5, abs=0.15)
    np.testing.assert_array_equal(np.isin(shown[~small], (0, 255)), True)
