import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kclip.data.images.opening import load_image
from kclip.data.pipeline.pixels import whole_pixels
from kclip.data.pipeline.split_reading import decode_image


def test_pictures_are_the_same_inside_and_outside_of_tf_data():
    resizing = keras.layers.Resizing(9, 9, interpolation="bicubic", antialias=True, dtype="float32")
    picture = np.zeros((30, 30, 3), np.uint8)
    picture[10:20, 5:25] = 255  # hard edges, where bicubic interpolation overshoots
    outside = np.asarray(resizing(picture))
    (inside,) = tf.data.Dataset.from_tensors(picture).map(whole_pixels(resizing))
    assert outside.dtype == np.uint8 and inside.dtype == tf.float32
    assert np.array_equal(inside.numpy(), outside)


@pytest.mark.parametrize(
    "options",
    [
        {"format": "JPEG", "quality": 75},
        {"format": "JPEG", "quality": 95, "subsampling": 0},
        {"format": "JPEG", "progressive": True},
        {"format": "PNG"},
    ],
    ids=["jpeg", "fine_jpeg", "progressive_jpeg", "png"],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_training_sees_the_pixels_that_pillow_sees(options, mode):
    noise = np.random.default_rng(0).integers(0, 256, (45, 67, 3), np.uint8)
    image, file = Image.fromarray(noise).convert(mode), io.BytesIO()
    image.save(file, **options)
    decoded = decode_image(tf.constant(file.getvalue())).numpy()
    np.testing.assert_array_equal(decoded, np.asarray(load_image(file.getvalue())))
