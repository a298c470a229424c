import keras
import numpy as np
import pytest

from kclip.layers import ImagenetPreprocessing

# One pixel: red 255, green 102, blue 0.
PIXEL = np.array([[[[255.0, 102.0, 0.0]]]], "float32")
BY_HAND = {
    "tf": [1.0, -0.2, -1.0],  # x / 127.5 - 1
    # (1 - 0.485) / 0.229, (0.4 - 0.456) / 0.224, (0 - 0.406) / 0.225
    "torch": [2.2489083, -0.25, -1.8044444],
    "caffe": [-103.939, -14.779, 131.32],  # BGR less 103.939, 116.779, 123.68
    "unit": [1.0, 0.4, 0.0],  # x / 255
    None: [255.0, 102.0, 0.0],
}


@pytest.mark.parametrize("mode", BY_HAND)
def test_each_mode_by_hand(mode):
    result = np.asarray(ImagenetPreprocessing(mode)(PIXEL))
    np.testing.assert_allclose(result[0, 0, 0], BY_HAND[mode], atol=1e-4)


@pytest.mark.parametrize("mode", BY_HAND)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_pixels_are_rounded_after_the_arithmetic(mode, policy):
    """bfloat16 knows no number between 128 and 129, but -0.0039 and 0.0118 well."""
    between = np.array([[[[127.0, 127.4, 129.0]]]], "float32")
    exact = np.asarray(ImagenetPreprocessing(mode)(between))
    result = ImagenetPreprocessing(mode, dtype=policy)(between)
    if mode is not None:
        assert keras.backend.standardize_dtype(result.dtype) == policy.removeprefix("mixed_")
    result = np.asarray(keras.ops.cast(result, "float32"))
    np.testing.assert_allclose(result, exact, rtol=2.0**-8)


def test_the_pixels_given_are_left_alone():
    pixels = PIXEL.copy()
    ImagenetPreprocessing("caffe")(pixels)
    np.testing.assert_array_equal(pixels, PIXEL)


def test_it_is_rebuilt_from_its_config():
    layer = ImagenetPreprocessing("torch")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    np.testing.assert_array_equal(np.asarray(again(PIXEL)), np.asarray(layer(PIXEL)))
    assert again.compute_output_shape((None, 8, 8, 3)) == (None, 8, 8, 3)
