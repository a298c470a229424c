import json
import shutil

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kclip.errors import UserError
from kclip.models import DualEncoder, ImageClassifier, ImageEncoder, TextEncoder
from kclip.models.pretrained.image_towers import load_image_encoder, load_imagenet_classifier


@pytest.fixture(scope="module")
def folder(goldens):
    return goldens / "timm_efficientnet_lite0_like"


@pytest.fixture
def copy(folder, tmp_path):
    """A folder of one's own, to be changed."""
    return shutil.copytree(folder, tmp_path / "tower")


@pytest.fixture(scope="module")
def tower(folder):
    return load_image_encoder(str(folder))


def change_config(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))


def test_golden_efficientnet_lite_of_timm(folder, tower):
    """Symmetric padding, ImageNet's mean and standard deviation, ReLU6."""
    arrays = np.load(folder / "io.npz")
    images = arrays["images_uint8"].astype("float32")
    assert tower.image_size == images.shape[1]
    spatial = np.asarray(tower.backbone(tower.preprocessing(images)))
    expected = arrays["feature_map"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(spatial, expected, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(tower(images), arrays["pooled"], atol=5e-5, rtol=1e-4)


def test_golden_intermediate_maps_of_timm(folder, tower):
    """The maps before the strides of 16 and 32, and the last before the head."""
    arrays = np.load(folder / "io.npz")
    network = tower.backbone
    ends = [
        network.get_layer("blocks.3.0.conv_pw").input,
        network.get_layer("blocks.5.0.conv_pw").input,
        network.get_layer("conv_head").input,
    ]
    outputs = keras.Model(network.input, ends)(
        tower.preprocessing(arrays["images_uint8"].astype("float32"))
    )
    for number, output in enumerate(outputs, 2):
        expected = arrays[f"intermediate{number}"].transpose(0, 2, 3, 1)
        np.testing.assert_allclose(output, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.real_data
@pytest.mark.parametrize("side", [260, 193])
def test_golden_efficientnet_lite_of_tensorflow(kclip_data, side):
    """An odd side tells TensorFlow's padding from a symmetric one."""
    folder = kclip_data / "weights/tf_efficientnet_lite2.in1k"
    arrays = np.load(kclip_data.parent / "goldens/timm_efficientnet_lite2.npz")
    tower = load_image_encoder(str(folder), image_size=side)
    images = arrays[f"images_{side}"].astype("float32")
    spatial = np.asarray(tower.backbone(tower.preprocessing(images)))
    for position, name in ((0, "corner"), (-1, "last_corner")):
        expected = arrays[f"{name}_{side}"]
        np.testing.assert_allclose(spatial[:, position, position], expected, atol=2e-4)
    pooled = np.asarray(tower(images))
    np.testing.assert_allclose(pooled, arrays[f"pooled_{side}"], atol=2e-4)
    classifier = load_imagenet_classifier(str(folder))
    logits = pooled @ classifier.kernel + classifier.bias
    np.testing.assert_allclose(logits, arrays[f"logits_{side}"], atol=1e-3)


def test_a_folders_size_is_only_a_default(folder):
    assert load_image_encoder(str(folder), image_size=96).input_shape == (None, 96, 96, 3)


@pytest.mark.parametrize("name, size", [("small_cnn", 64), ("mobilenet", 224)])
def test_a_network_by_name_has_the_size_of_its_weights(name, size):
    assert load_image_encoder(name).image_size == size


def test_a_model_folder_holds_the_whole_tower(tower, tmp_path):
    """Sizes, padding and normalisation are in its config; timm's folder is not needed again."""
    text = TextEncoder(50, 1, 1, 8, 8)
    DualEncoder(tower, text, projection_dim=4).save_to_preset(str(tmp_path / "model"))
    again = DualEncoder.from_preset(tmp_path / "model").image_encoder
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    np.testing.assert_allclose(again(images), tower(images), rtol=1e-6)


def test_it_learns(folder):
    model = ImageClassifier(load_image_encoder(str(folder)), ["cat", "dog"])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    images, labels = np.zeros((2, 64, 64, 3), "float32"), np.array([0, 1])
    before = model.image_encoder.get_weights()
    assert np.isfinite(model.train_on_batch(images, labels))
    after = model.image_encoder.get_weights()
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, after, strict=True))


def test_weights_beside_a_folder_are_refused(folder):
    for options in ({"weights": "imagenet"}, {"alpha": 0.5}):
        with pytest.raises(UserError, match="holds its own weights and sizes"):
            load_image_encoder(str(folder), **options)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architecture": "resnetv2_50"}, "its config.json says resnetv2_50"),
        ({"architecture": None, "model_type": "beit"}, "its config.json says beit"),
        ({"architecture": None}, "is no image tower that kclip reads"),
    ],
)
def test_other_folders_are_refused(copy, config, message):
    change_config(copy, **config)
    with pytest.raises(UserError, match=message):
        load_image_encoder(str(copy))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="is no image tower that kclip reads"):
        load_image_encoder(str(tmp_path))


def test_sizes_without_a_folder_are_asked_for():
    with pytest.raises(UserError, match="give that folder as the backbone"):
        ImageEncoder("efficientnet_lite")


def test_weights_of_another_network_are_refused(copy):
    tensors = load_file(copy / "model.safetensors")
    others = {name: array for name, array in tensors.items() if not name.startswith("blocks.6")}
    save_file(others, copy / "model.safetensors")
    with pytest.raises(UserError, match="6 stages of blocks"):
        load_image_encoder(str(copy))
    save_file(tensors | {"blocks.0.0.se.weight": np.ones(3)}, copy / "model.safetensors")
    with pytest.raises(UserError, match="has no place"):
        load_image_encoder(str(copy))


def test_other_classes_than_imagenets_are_no_classifier(folder, copy):
    with pytest.raises(UserError, match="classify 7 classes, not ImageNet's 1,000"):
        load_imagenet_classifier(str(folder))
    tensors = load_file(copy / "model.safetensors")
    for part in ("weight", "bias"):
        del tensors[f"classifier.{part}"]
    save_file(tensors, copy / "model.safetensors")
    with pytest.raises(UserError, match="classify 0 classes"):
        load_imagenet_classifier(str(copy))
