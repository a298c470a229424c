import shutil

import keras
import numpy as np
import pytest
from tiny_models import randomize

from kclip.errors import UserError
from kclip.models import ImageEncoder
from kclip.models.towers.image_encoder import imagenet_classifier
from kclip.models.towers.small_cnn import small_cnn

MobileNet = keras.applications.MobileNet
IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")


def encoder(path, name="mobilenet", image_size=64, alpha=0.25):
    return ImageEncoder(name, image_size=image_size, alpha=alpha, weights=str(path))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One network with all its weights told apart, saved with its classifier and without."""
    folder = tmp_path_factory.mktemp("weights")
    full = MobileNet(alpha=0.25, weights=None)
    randomize(full)
    bare = MobileNet(alpha=0.25, weights=None, include_top=False, input_shape=(64, 64, 3))
    bare.set_weights(full.get_weights()[: len(bare.weights)])
    for name, model in {"full": full, "bare": bare}.items():
        model.save_weights(folder / f"{name}.weights.h5")
    return folder, bare


@pytest.mark.parametrize("kind", ["full", "bare"])
def test_a_file_fills_the_tower_with_its_classifier_or_without(files, kind):
    folder, network = files
    expected = np.asarray(network(IMAGES / 127.5 - 1)).mean(axis=(1, 2))
    features = np.asarray(encoder(folder / f"{kind}.weights.h5")(IMAGES))
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4 * expected.max())


def test_the_size_of_the_input_is_free(files):
    folder, network = files
    loaded = encoder(folder / "full.weights.h5", image_size=96).backbone
    for ours, theirs in zip(loaded.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def refused(path, message, **kwargs):
    with pytest.raises(UserError, match=message) as error:
        encoder(path, **kwargs)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        ("full", {"alpha": 0.5}),
        ("bare", {"name": "mobilenetv2", "alpha": 0.35}),
        ("full", {"name": "small_cnn", "alpha": None}),
    ],
)
def test_weights_of_another_network_are_refused(files, kind, other):
    refused(files[0] / f"{kind}.weights.h5", "do not fit", **other)


def test_a_network_of_ones_own_is_refused(tmp_path):
    small_cnn().save_weights(tmp_path / "own.weights.h5")
    refused(tmp_path / "own.weights.h5", "do not fit 'mobilenet")


def test_a_missing_file_is_named(tmp_path):
    refused(tmp_path / "none.weights.h5", "there is no weights file .*none.weights.h5")


@pytest.mark.parametrize("content", ["truncated", "text"])
def test_a_damaged_file_is_refused(files, tmp_path, content):
    path = tmp_path / "damaged.weights.h5"
    shutil.copy(files[0] / "full.weights.h5", path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content == "truncated" else b"no weights")
    refused(path, "cannot be read")


@pytest.mark.real_data
def test_the_given_mobilenet_has_the_features_of_the_whole_network(kclip_data):
    path = kclip_data / "weights" / "mobilenet_v1_075_224.weights.h5"
    photographs = sorted((kclip_data / "flickr8k" / "images").glob("*.jpg"))[:2]
    images = np.stack(
        [
            keras.utils.img_to_array(keras.utils.load_img(photograph, target_size=(224, 224)))
            for photograph in photographs
        ]
    )
    whole = MobileNet(alpha=0.75, weights=None)
    whole.load_weights(path)
    pooling = next(
        layer for layer in whole.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)
    )
    prepared = keras.applications.mobilenet.preprocess_input(images.copy())
    expected = np.asarray(keras.Model(whole.input, pooling.output)(prepared))
    features = np.asarray(encoder(path, image_size=224, alpha=0.75)(images))
    np.testing.assert_allclose(features, expected.reshape(features.shape), rtol=1e-4, atol=1e-5)
    assert features.std() > 0.1


def test_the_classifier_is_the_networks_last_layer(files):
    folder, _ = files
    full = MobileNet(alpha=0.25, weights=None)
    full.load_weights(folder / "full.weights.h5")
    classifier = imagenet_classifier("mobilenet", folder / "full.weights.h5", alpha=0.25)
    pooled = np.random.default_rng(1).uniform(0, 2, (3, 256)).astype("float32")
    last = keras.Model(full.layers[-3].input, full.output)
    expected = np.asarray(last(pooled[:, None, None]))
    np.testing.assert_allclose(classifier.probabilities(pooled), expected, rtol=1e-4)


@pytest.mark.parametrize(("kind", "name"), [("bare", "mobilenet"), ("full", "small_cnn")])
def test_weights_without_a_classifier_are_refused(files, kind, name):
    alpha = 0.25 if name == "mobilenet" else None
    with pytest.raises(UserError, match="have no classifier of ImageNet's 1,000 classes"):
        imagenet_classifier(name, files[0] / f"{kind}.weights.h5", alpha)


def test_a_classifier_on_other_layers_is_refused(tmp_path):
    """MobileNetV3's stands on one more layer, not on the average of the map."""
    path = tmp_path / "other.weights.h5"
    keras.applications.MobileNetV3Small(weights=None).save_weights(path)
    with pytest.raises(UserError, match="on the average of the feature map"):
        imagenet_classifier("mobilenetv3small", path)
