"""Folders of timm and transformers whose networks are KerasHub's, beside the originals' arrays."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from seeded_weights import seeded_weights

from kclip.errors import UserError
from kclip.models import SpatialEncoder
from kclip.models.pretrained.image_towers import (
    load_image_encoder,
    load_imagenet_classifier,
    resize_mode,
)

TIMM = ["resnet26", "efficientnet_b0", "mobilenetv3_small_050", "hgnetv2_b0"]
LARGER = ["resnet18", "mobilenetv3_large_100"]
PIXELS = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


@pytest.fixture
def written(goldens, tmp_path):
    """Writes a golden's folder; returns it with the arrays."""

    def write(name, **changes):
        with np.load(goldens / "converted_towers" / f"{name}.npz") as file:
            arrays = dict(file)
        meta = json.loads(str(arrays["meta"]))
        folder = tmp_path / name
        folder.mkdir()
        save_file(seeded_weights(meta["shapes"]), folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(meta["config"] | changes))
        if name in ("swin", "dinov3"):
            size = {"height": meta["config"]["image_size"], "width": meta["config"]["image_size"]}
            settings = json.dumps(PIXELS | {"size": size})
            (folder / "preprocessor_config.json").write_text(settings)
        return folder, arrays

    return write


def slow(name):
    return pytest.param(name, marks=pytest.mark.slow)


@pytest.mark.parametrize("name", [*TIMM, *map(slow, LARGER), "swin", "dinov3"])
def test_golden_features_and_positions(name, written):
    folder, arrays = written(name)
    encoder = load_image_encoder(str(folder))
    outputs = SpatialEncoder(encoder)(arrays["images_uint8"].astype("float32"))
    for ours, theirs in (("features", "features"), ("spatial_map", "positions")):
        limit = 1e-5 * np.abs(arrays[theirs]).max()
        np.testing.assert_allclose(np.asarray(outputs[ours]), arrays[theirs], atol=limit)
    assert resize_mode(str(folder)) == "squash"


def test_the_size_of_images_can_be_another(written):
    folder, _ = written("swin")
    assert load_image_encoder(str(folder), image_size=32).image_size == 32
    with pytest.raises(UserError, match="do not cut its grids .12, 6. into whole ones"):
        load_image_encoder(str(folder), image_size=48)


def test_classifiers_that_stand_on_the_features(written):
    folder, _ = written("resnet18")
    weights = load_file(folder / "model.safetensors")
    classifier = load_imagenet_classifier(str(folder))
    np.testing.assert_array_equal(classifier.kernel, weights["fc.weight"].T)
    with pytest.raises(UserError, match="does not stand on its tower's features"):
        load_imagenet_classifier(str(written("mobilenetv3_small_050")[0]))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("swin", {"hidden_act": "relu"}, "says hidden_act relu; KerasHub builds"),
        ("mobilenetv3_small_050", {"model_args": {"in_chans": 1}}, "says model_args"),
        ("dinov3", {"hidden_size": 30}, "of which no model can be built"),
        ("mobilenetv3_small_050", {"architecture": "mobilenetv3_rw"}, "is no image tower that"),
        ("mobilenetv3_small_050", {"pretrained_cfg": {}}, "lacks 'input_size'"),
    ],
)
def test_what_cannot_be_read(name, changes, message, written):
    with pytest.raises(UserError, match=message):
        load_image_encoder(str(written(name, **changes)[0]))


def test_tensors_without_a_place_are_refused(written):
    folder, _ = written("dinov3")
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors | {"layer.2.norm1.weight": np.ones(24)}, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"holds the tensor 'layer.2.norm1.weight'"):
        load_image_encoder(str(folder))
