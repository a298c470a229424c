import keras
import numpy as np
import tensorflow as tf

from kclip.data.pipeline.pixels import whole_pixels


def test_pictures_are_the_same_inside_and_outside_of_tf_data():
    resizing = keras.layers.Resizing(9, 9, interpolation="bicubic", antialias=True, dtype="float32")
    picture = np.zeros((30, 30, 3), np.uint8)
    picture[10:20, 5:25] = 255  # hard edges, where bicubic interpolation overshoots
    outside = np.asarray(resizing(picture))
    (inside,) = tf.data.Dataset.from_tensors(picture).map(whole_pixels(resizing))
    assert outside.dtype == np.uint8 and inside.dtype == tf.float32
    assert np.array_equal(inside.numpy(), outside)
