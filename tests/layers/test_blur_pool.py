import keras
import numpy as np
import pytest

from kclip.layers import BlurPool


def by_hand(image):
    """The weighted average around every second place of one channel (H, W)."""
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    padded = np.pad(image, 1, mode="reflect")
    return [
        [(padded[y : y + 3, x : x + 3] * kernel).sum() for x in range(0, image.shape[1], 2)]
        for y in range(0, image.shape[0], 2)
    ]


@pytest.mark.parametrize("shape", [(8, 8), (5, 4), (2, 7), (2, 2)])
def test_each_place_is_the_blur_around_every_second_one(shape):
    images = np.random.default_rng(0).normal(size=(2, *shape, 3)).astype("float32")
    result = BlurPool()(images)
    assert tuple(result.shape) == BlurPool().compute_output_shape(images.shape)
    expected = [[by_hand(image[..., channel]) for channel in range(3)] for image in images]
    np.testing.assert_allclose(
        np.asarray(result).transpose(0, 3, 1, 2), np.array(expected), atol=1e-6
    )


def test_half_precision():
    images = np.random.default_rng(0).normal(size=(1, 6, 6, 2)).astype("float32")
    result = BlurPool(dtype="mixed_float16")(images)
    assert keras.backend.standardize_dtype(result.dtype) == "float16"
    np.testing.assert_allclose(np.asarray(result), np.asarray(BlurPool()(images)), atol=5e-3)
