"""Image towers in local folders of KerasHub presets."""

import keras
import keras_hub
import numpy as np
import pytest

from kclip.errors import UserError
from kclip.inference.towers import open_image_tower
from kclip.models import SpatialEncoder
from kclip.models.pretrained.image_towers import load_image_encoder
from kclip.models.towers.keras_hub_image_encoder import KerasHubImageEncoder

SIZE = 32
SHAPE = {"image_shape": (SIZE, SIZE, 3)}
VIT = {"patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 16}
RESNET = {
    "input_conv_filters": [64],
    "input_conv_kernel_sizes": [7],
    "stackwise_num_filters": [64],
    "stackwise_num_blocks": [1],
    "stackwise_num_strides": [1],
    "block_type": "basic_block",
}
EFFICIENTNET = {
    "stackwise_width_coefficients": [1.0],
    "stackwise_depth_coefficients": [1.0],
    "stackwise_kernel_sizes": [3],
    "stackwise_num_repeats": [1],
    "stackwise_input_filters": [8],
    "stackwise_output_filters": [8],
    "stackwise_expansion_ratios": [1],
    "stackwise_squeeze_and_excite_ratios": [0.25],
    "stackwise_strides": [1],
    "stackwise_block_types": ["v1"],
}
MOBILENET = {
    "stackwise_expansion": [[16], [16]],
    "stackwise_num_blocks": [1, 1],
    "stackwise_num_filters": [[8], [16]],
    "stackwise_kernel_size": [[3], [3]],
    "stackwise_num_strides": [[2], [1]],
    "stackwise_se_ratio": [[None], [0.25]],
    "stackwise_activation": [["relu"], ["hard_swish"]],
    "stackwise_padding": [[1], [1]],
    "output_num_filters": 32,
    "input_activation": "hard_swish",
    "output_activation": "hard_swish",
    "input_num_filters": 8,
    "depthwise_filters": 8,
    "depthwise_stride": 2,
    "depthwise_residual": False,
    "squeeze_and_excite": 0.5,
    "last_layer_filter": 32,
}
HGNET = {
    "depths": [1, 1],
    "embedding_size": 8,
    "hidden_sizes": [8, 16],
    "stem_channels": [3, 8, 8],
    "hidden_act": "relu",
    "use_learnable_affine_block": False,
    "stackwise_stage_filters": [[8, 8, 16, 1, 1, 3], [16, 8, 32, 1, 1, 3]],
    "apply_downsample": [False, True],
    "use_lightweight_conv_block": [False, False],
}
SWIN = {"embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4, "patch_size": 4}
# Family -> numbers, tokens before the patches (None: a map), transformer blocks.
NETWORKS = {
    "ViT": (VIT | {"mlp_dim": 32}, 1, 2),
    "DeiT": (VIT | {"intermediate_dim": 32}, 2, 2),
    "DINOV2": (VIT | {"intermediate_dim": 32, "position_embedding_shape": (SIZE, SIZE, 3)}, 1, 2),
    "DINOV3": (VIT | {"intermediate_dim": 32, "num_register_tokens": 2}, 3, 2),
    "SwinTransformer": (SWIN, 0, 2),
    "ResNet": (RESNET, None, None),
    "EfficientNet": (EFFICIENTNET, None, None),
    "MobileNet": (MOBILENET, None, None),
    "HGNetV2": (HGNET, None, None),
}


def write_preset(folder, family, converter=True):
    backbone = getattr(keras_hub.models, f"{family}Backbone")(**NETWORKS[family][0], **SHAPE)
    rng = np.random.default_rng(0)
    weights = [w + 0.05 * rng.normal(size=w.shape) for w in backbone.get_weights()]
    backbone.set_weights([np.abs(w) for w in weights])  # variances are not negative
    backbone.save_to_preset(str(folder))
    scaling = {"scale": 1 / 51, "offset": [-2.0, -2.5, -3.0]}
    layer = keras_hub.layers.ImageConverter(image_size=(SIZE, SIZE), **scaling)
    if converter:
        layer.save_to_preset(str(folder))
    # As KerasHub reads it: DINOv2's positions are interpolated anew.
    return type(backbone).from_preset(str(folder)), scaling


@pytest.fixture(scope="module", params=NETWORKS)
def preset(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return folder, request.param, *write_preset(folder, request.param)


def test_outputs_are_the_backbones(preset):
    folder, family, backbone, scaling = preset
    encoder = load_image_encoder(str(folder))
    assert isinstance(encoder, KerasHubImageEncoder) and encoder.image_size == SIZE
    images = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3)).astype("float32")
    inputs = images * scaling["scale"] + np.array(scaling["offset"], "float32")
    named = isinstance(backbone.input, dict)
    outputs = backbone({name: inputs for name in backbone.input} if named else inputs)
    outputs = np.asarray(list(outputs.values())[-1] if isinstance(outputs, dict) else outputs)
    found = SpatialEncoder(encoder)(images)
    features, positions = np.asarray(found["features"]), np.asarray(found["spatial_map"])
    num_first = NETWORKS[family][1]
    if num_first is None:
        expected, at = outputs.mean(axis=(1, 2)), outputs
    else:
        patches = outputs[:, num_first:]
        side = int(np.sqrt(patches.shape[1]))
        expected = outputs[:, 0] if num_first else patches.mean(axis=1)
        at = patches.reshape(2, side, side, -1)
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(positions, at, rtol=1e-4, atol=1e-5)


def test_a_tower_is_built_again_from_its_config(preset):
    encoder = load_image_encoder(str(preset[0]))
    config = keras.saving.serialize_keras_object(encoder)
    again = keras.saving.deserialize_keras_object(config)
    again.set_weights(encoder.get_weights())
    images = np.full((1, SIZE, SIZE, 3), 99.0, "float32")
    np.testing.assert_allclose(np.asarray(again(images)), np.asarray(encoder(images)), rtol=1e-5)


def test_blocks_hold_every_weight_once(preset):
    folder, family, *_ = preset
    encoder = load_image_encoder(str(folder))
    held = [id(w) for block in encoder.blocks for layer in block for w in layer.weights]
    assert len(held) == len(set(held))
    assert set(held) == {id(w) for w in encoder.backbone.weights}
    if (num_blocks := NETWORKS[family][2]) is not None:
        assert len(encoder.blocks) >= num_blocks + 1


@pytest.mark.parametrize("family", ["ViT", "DeiT", "DINOV2", "SwinTransformer", "ResNet"])
def test_a_preset_at_another_size(family, tmp_path):
    """At twice the side a constant grid of positions stays what it is, and so does the feature."""
    write_preset(tmp_path, family)
    encoder = load_image_encoder(str(tmp_path))
    larger = load_image_encoder(str(tmp_path), image_size=2 * SIZE)
    assert larger.image_size == 2 * SIZE
    for before, after in zip(encoder.weights, larger.weights, strict=True):
        if before.shape == after.shape:
            np.testing.assert_array_equal(np.array(before), np.array(after))
        else:
            name = before.path
            assert "position" in name, name
            rows, wider = (np.array(v).reshape(-1, v.shape[-1]) for v in (before, after))
            first = NETWORKS[family][1]
            assert len(wider) - first == 4 * (len(rows) - first)
            np.testing.assert_array_equal(rows[:first], wider[:first])
    images = np.zeros((1, 2 * SIZE, 2 * SIZE, 3), "float32")
    assert np.isfinite(np.asarray(larger(images))).all()


@pytest.mark.parametrize(("cropped", "mode"), [(True, "crop"), (False, "squash")])
def test_a_preset_says_how_images_come_to_its_size(tmp_path, cropped, mode):
    write_preset(tmp_path, "ResNet")
    sizes = {"image_size": (SIZE, SIZE), "scale": 1 / 255}
    converter = keras_hub.layers.ImageConverter(crop_to_aspect_ratio=cropped, **sizes)
    converter.save_to_preset(str(tmp_path))
    assert open_image_tower(str(tmp_path)).resize == mode


def test_a_preset_whose_images_have_another_size_than_its_network(tmp_path):
    write_preset(tmp_path, "ViT")
    keras_hub.layers.ImageConverter(image_size=(48, 48), scale=1 / 255).save_to_preset(
        str(tmp_path)
    )
    assert load_image_encoder(str(tmp_path)).image_size == 48


def test_what_a_preset_must_say(tmp_path):
    write_preset(tmp_path, "ViT", converter=False)
    with pytest.raises(UserError, match="does not say how its pixels are scaled"):
        load_image_encoder(str(tmp_path))
    with pytest.raises(UserError, match="holds its own weights and sizes"):
        load_image_encoder(str(tmp_path), weights="imagenet")
