import sys

import keras
import numpy as np
import pytest

from kclip.errors import UserError
from kclip.layers import ImagenetPreprocessing
from kclip.models import ImageEncoder
from kclip.models.towers.image_encoder import _PREPROCESSING_MODES, BACKBONES

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")


def mobilenet(**kwargs):
    return ImageEncoder("mobilenet", **{"image_size": 32, "alpha": 0.25} | kwargs)


@pytest.mark.parametrize(
    "name", sorted(set(BACKBONES) - {"small_cnn", "tresnet_m", "efficientnet_lite"})
)
def test_each_network_gets_the_pixels_that_its_own_module_prepares(name):
    module = sys.modules[BACKBONES[name].__module__]
    expected = module.preprocess_input(IMAGES.copy())
    ours = ImagenetPreprocessing(_PREPROCESSING_MODES.get(name))(IMAGES)
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=1e-5, atol=1e-5)


def test_the_networks_of_the_report_are_there():
    assert {"xception", "efficientnetb7", "mobilenet", "resnet50", "vgg19"} <= set(BACKBONES)
    assert len(BACKBONES) > 30


def test_features_are_the_average_over_the_preprocessed_images_map():
    encoder = mobilenet(image_size=64)
    images = np.repeat(np.repeat(IMAGES, 2, 1), 2, 2)
    feature_map = np.asarray(encoder.backbone(images / 127.5 - 1))
    assert feature_map.shape == (2, 2, 2, 256)
    features = np.asarray(encoder(images))
    assert encoder.feature_dim == 256
    np.testing.assert_allclose(features, feature_map.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)


def test_flatten_keeps_the_places():
    encoder = ImageEncoder("small_cnn", image_size=32, pooling="flatten")
    feature_map = np.asarray(encoder.backbone(IMAGES / 127.5 - 1))
    assert encoder.feature_dim == 2 * 2 * 192
    np.testing.assert_allclose(
        np.asarray(encoder(IMAGES)), feature_map.reshape(2, -1), rtol=1e-4, atol=1e-5
    )


def test_it_is_rebuilt_from_names_and_numbers():
    encoder = mobilenet()
    config = keras.saving.serialize_keras_object(encoder)["config"]
    plain = {key: value for key, value in config.items() if key != "dtype"}
    assert all(isinstance(value, (str, int, float, type(None))) for value in plain.values())
    again = ImageEncoder.from_config(encoder.get_config())
    again.set_weights(encoder.get_weights())
    np.testing.assert_allclose(np.asarray(again(IMAGES)), np.asarray(encoder(IMAGES)), atol=1e-6)


def test_a_frozen_tower_gives_constants():
    encoder = mobilenet()
    inference = np.asarray(encoder(IMAGES))
    assert not np.allclose(inference, np.asarray(encoder(IMAGES, training=True)), atol=1e-3)
    encoder.trainable = False
    before = encoder.get_weights()
    inference = np.asarray(encoder(IMAGES))
    np.testing.assert_array_equal(inference, np.asarray(encoder(IMAGES, training=True)))
    for now, then in zip(encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_moves_features_little(dtype):
    full = ImageEncoder("small_cnn", image_size=32)
    half = ImageEncoder("small_cnn", image_size=32, dtype=dtype)
    half.set_weights(full.get_weights())
    features = half(IMAGES)
    assert keras.backend.standardize_dtype(features.dtype) == dtype.removeprefix("mixed_")
    assert {weight.dtype for weight in half.weights} == {"float32"}
    features = np.asarray(keras.ops.cast(features, "float32"))
    expected = np.asarray(full(IMAGES))
    np.testing.assert_allclose(features, expected, atol=0.02 * np.abs(expected).max())


def test_a_dtype_of_its_own_leaves_the_global_one_alone():
    ImageEncoder("small_cnn", image_size=32, dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"
    with pytest.raises(UserError):
        mobilenet(image_size=16, dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backbone": "alexnet"}, "there is no image backbone 'alexnet'; choose one of .*xception"),
        (
            {"backbone": "xception", "alpha": 0.5},
            "alpha=0.5 was given, but 'xception' has no width",
        ),
        ({"backbone": "small_cnn", "alpha": 0.5}, "'small_cnn' has no width multiplier"),
        ({"backbone": "mobilenet", "image_size": 16}, "cannot build 'mobilenet' at 16 pixels"),
        ({"backbone": "xception", "image_size": 32}, "cannot build 'xception' at 32 pixels"),
        ({"backbone": "small_cnn", "weights": "imagenet"}, "no.* published weights|neither"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(UserError, match=message) as error:
        ImageEncoder(**{"image_size": 64} | arguments)
    assert "\n" not in str(error.value)
