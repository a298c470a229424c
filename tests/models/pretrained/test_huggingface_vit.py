"""ViT, DeiT and DINOv2 folders, beside arrays of transformers on PyTorch."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kclip.errors import UserError
from kclip.models import SpatialEncoder
from kclip.models.pretrained.huggingface_vit import load_huggingface_vit
from kclip.models.pretrained.image_towers import load_image_encoder, resize_mode
from kclip.models.towers.position_interpolation import interpolate_positions

FOLDERS = ["hf_vit_tiny", "hf_dinov2_tiny", "hf_deit_tiny", "hf_dinov2_registers_tiny"]


@pytest.fixture(scope="module", params=FOLDERS)
def golden(request, goldens):
    folder = goldens / request.param
    with np.load(folder / "io.npz") as file:
        return folder, dict(file), load_image_encoder(str(folder))


def test_golden_class_token_and_patches(golden):
    _, arrays, encoder = golden
    outputs = SpatialEncoder(encoder)(arrays["images_uint8"].astype("float32"))
    states = arrays["last_hidden_state"]
    features = np.asarray(outputs["features"])
    np.testing.assert_allclose(features, states[:, 0], atol=2e-5, rtol=1e-5)
    side = encoder.image_size // encoder.numbers["patch_size"]
    patches = states[:, -(side**2) :].reshape(len(states), side, side, -1)
    np.testing.assert_allclose(np.asarray(outputs["spatial_map"]), patches, atol=2e-5, rtol=1e-5)
    np.testing.assert_allclose(patches.mean((1, 2)), arrays["patch_mean"], atol=2e-5)


def test_golden_of_a_model_that_was_saved_with_a_head(golden, tmp_path):
    source, arrays, encoder = golden
    folder = shutil.copytree(source, tmp_path / "with_head")
    tensors = load_file(folder / "model.safetensors")
    prefix = json.loads((folder / "config.json").read_text())["model_type"]
    tensors = {f"{prefix}.{name}": t for name, t in tensors.items() if "pooler" not in name}
    tensors["classifier.weight"] = np.zeros((3, encoder.feature_dim), np.float32)
    save_file(tensors, folder / "model.safetensors")
    again = load_image_encoder(str(folder))
    images = arrays["images_uint8"].astype("float32")
    np.testing.assert_array_equal(np.asarray(again(images)), np.asarray(encoder(images)))


def test_golden_positions_of_another_size(goldens):
    """The tower takes squares, so the golden picture is joined here from the tower's layers."""
    folder = goldens / "hf_dinov2_tiny"
    with np.load(folder / "io.npz") as file:
        arrays = dict(file)
    encoder = load_huggingface_vit(folder)
    patch = encoder.numbers["patch_size"]
    embedding = encoder.patch_embedding
    images = encoder.normalization(arrays["images_large_uint8"].astype("float32"))
    patches = np.asarray(embedding.projection(images))
    grid, width = patches.shape[1:3], patches.shape[3]
    side = encoder.image_size // patch
    positions = interpolate_positions(np.array(embedding.positions), (side, side), grid)
    first = np.broadcast_to(np.array(embedding.class_token), (len(patches), 1, width))
    x = np.concatenate([first, patches.reshape(len(patches), -1, width)], axis=1) + positions
    for block in encoder.transformer_blocks:
        x = block(x)
    ours = np.asarray(encoder.output_norm(x))
    np.testing.assert_allclose(ours, arrays["last_hidden_state_large"], atol=1e-4)


def test_a_tower_of_another_size_has_the_same_weights_but_for_positions(golden):
    folder, _, encoder = golden
    patch = encoder.numbers["patch_size"]
    larger = load_image_encoder(str(folder), image_size=encoder.image_size + patch)
    differ = [
        a.path.split("/")[-1]
        for a, b in zip(encoder.weights, larger.weights, strict=True)
        if a.shape != b.shape
    ]
    assert differ == ["positions"]
    images = np.zeros((1, larger.image_size, larger.image_size, 3), "float32")
    assert np.isfinite(np.asarray(larger(images))).all()


def test_interpolation_keeps_constants_and_its_own_size():
    rows = np.random.default_rng(0).normal(size=(2 + 12, 5)).astype("float32")
    np.testing.assert_allclose(interpolate_positions(rows, (3, 4), (3, 4)), rows, atol=1e-6)
    ones = np.ones((1 + 9, 2), "float32")
    np.testing.assert_allclose(interpolate_positions(ones, (3, 3), (7, 5)), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"model_type": "beit"}, {}, "is no image tower that kclip reads"),
        ({"use_swiglu_ffn": True}, {}, "a gated feed-forward network"),
        ({"hidden_act": "relu"}, {}, "uses the activation 'relu'"),
        ({"hidden_size": None}, {}, "lacks 'hidden_size'"),
        ({"hidden_size": 30}, {}, "values of which no model can be built"),
        ({"num_attention_heads": "two"}, {}, "values of which no model can be built"),
        ({"image_size": [28, 42]}, {}, "28 x 42 is no square"),
        ({}, {"pooling": "flatten"}, "pools by itself"),
        ({}, {"weights": "imagenet"}, "holds its own weights and sizes"),
    ],
)
def test_what_cannot_be_read(goldens, tmp_path, changes, options, message):
    folder = shutil.copytree(goldens / "hf_dinov2_tiny", tmp_path / "changed")
    config = json.loads((folder / "config.json").read_text()) | changes
    config = {name: value for name, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=message):
        load_image_encoder(str(folder), **options)


def test_sizes_as_height_and_width(golden, tmp_path):
    source, _, encoder = golden
    folder = shutil.copytree(source, tmp_path / "pairs")
    config = json.loads((folder / "config.json").read_text())
    config |= {name: [config[name]] * 2 for name in ("image_size", "patch_size")}
    (folder / "config.json").write_text(json.dumps(config))
    assert load_image_encoder(str(folder)).numbers == encoder.numbers


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ({"size": {"shortest_edge": 256}, "do_center_crop": True}, "crop"),
        ({"size": 256, "do_center_crop": True}, "crop"),
        ({"size": {"height": 224, "width": 224}}, "squash"),
        ({}, "squash"),
    ],
)
def test_a_folder_says_how_images_come_to_its_size(goldens, tmp_path, said, mode):
    folder = shutil.copytree(goldens / "hf_vit_tiny", tmp_path / "changed")
    sizes = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(sizes | said))
    assert resize_mode(str(folder)) == mode


def test_pixels_without_a_mean_are_refused(goldens, tmp_path):
    folder = shutil.copytree(goldens / "hf_vit_tiny", tmp_path / "bare")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match="says no image_mean and image_std"):
        load_image_encoder(str(folder))
