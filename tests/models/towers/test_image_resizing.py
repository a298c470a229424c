import keras
import numpy as np
import pytest
import tensorflow as tf

from kclip.models.towers.image_resizing import image_resizing

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("mode", ["squash", "crop"])
@pytest.mark.parametrize("size", [(60, 90), (90, 61), (33, 20), (32, 32), (32, 40)])
def test_every_bit_is_that_of_keras(mode, size):
    ours = image_resizing(32, mode)
    keras_own = keras.layers.Resizing(
        32,
        32,
        interpolation="bicubic",
        antialias=True,
        crop_to_aspect_ratio=mode == "crop",
        dtype="float32",
    )
    pixels = RNG.integers(0, 256, (*size, 3), dtype=np.uint8)
    for image in (pixels, pixels.astype("float32"), np.stack([pixels, pixels])):
        expected = np.asarray(keras_own(image))
        resized = np.asarray(ours(image))
        assert resized.dtype == expected.dtype
        np.testing.assert_array_equal(resized, expected)
    # Inside tf.data, where the size of an image is not known beforehand.
    images = tf.data.Dataset.from_generator(
        lambda: iter([pixels]), output_signature=tf.TensorSpec((None, None, 3), tf.uint8)
    )
    ((inside,), (expected,)) = (images.map(layer) for layer in (ours, keras_own))
    np.testing.assert_array_equal(inside, expected)
    assert inside.shape == (32, 32, 3)
