"""The towers of CLIP and SigLIP by themselves, and in other models."""

import keras
import numpy as np
import pytest
from tiny_clip import LENGTH, SIZE, tiny_clip

from kclip.models import (
    CachedDualEncoder,
    ClipImageEncoder,
    ClipTextEncoder,
    DualEncoder,
    ImageEncoder,
    SpatialEncoder,
    TextEncoder,
)
from kclip.models.pretrained.huggingface_clip import load_huggingface_clip

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (3, SIZE, SIZE, 3)).astype("float32")
TOKENS = RNG.integers(1, 80, (3, LENGTH)).astype("int32")


@pytest.fixture(scope="module", params=["hf_clip_tiny_training", "hf_siglip_tiny_training"])
def golden(request, goldens):
    arrays = dict(np.load(goldens / request.param / "io.npz"))
    mean, std = (arrays[f"image_{name}"].tolist() for name in ("mean", "std"))
    return load_huggingface_clip(goldens / request.param, mean=mean, std=std), arrays


def test_golden_features_of_the_image_tower(golden):
    model, arrays = golden
    outputs = SpatialEncoder(model.image_encoder)(arrays["images_uint8"].astype("float32"))
    expected = arrays["vision_pooler_output"]
    np.testing.assert_allclose(outputs["features"], expected, atol=2e-5, rtol=1e-5)


def test_golden_positions_are_the_patches_after_the_norm(golden):
    """CLIP's last hidden state is before the norm and has a class token; SigLIP's is after it."""
    model, arrays = golden
    images = arrays["images_uint8"].astype("float32")
    spatial_map = np.asarray(SpatialEncoder(model.image_encoder)(images)["spatial_map"])
    siglip = model.numbers["architecture"] == "siglip"
    expected = (
        arrays["vision_last_hidden_state"]
        if siglip
        else arrays["vision_post_layernorm_tokens"][:, 1:]
    )
    assert spatial_map.shape[1] == spatial_map.shape[2]
    patches = spatial_map.reshape(expected.shape)
    np.testing.assert_allclose(patches, expected, atol=2e-5, rtol=1e-5)


def test_golden_tokens_of_the_text_tower(golden):
    model, arrays = golden
    tower = model.text_encoder
    ids = arrays["input_ids"]
    features = np.asarray(tower({"token_ids": ids}))
    if model.numbers["architecture"] == "siglip":  # what it pools there has been projected
        features = np.asarray(model.text_projection(features))
    np.testing.assert_allclose(features, arrays["text_pooler_output"], atol=2e-5, rtol=1e-5)
    tokens = np.asarray(keras.Model(tower.input, tower.token_output)({"token_ids": ids}))
    expected = arrays["text_last_hidden_state"]
    np.testing.assert_allclose(tokens, expected, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["clip", "siglip"])
def test_a_clip_from_its_cached_features_is_the_clip(architecture):
    model = tiny_clip(architecture)
    model.image_encoder.trainable = model.text_encoder.trainable = False
    cached = CachedDualEncoder(model)
    features = {
        "image_features": model.image_encoder.predict_on_batch(IMAGES),
        "text_features": model.text_encoder.predict_on_batch({"token_ids": TOKENS}),
    }
    ours = cached.predict_on_batch(features)
    whole = model.predict_on_batch({"image": IMAGES, "token_ids": TOKENS})
    for name, expected in whole.items():
        np.testing.assert_allclose(ours[name], expected, atol=1e-6)


def test_a_clips_image_tower_beside_another_text_tower(tmp_path):
    text = TextEncoder(90, 1, 1, 8, 8)
    model = DualEncoder(tiny_clip().image_encoder, text, projection_dim=6, text_head="linear")
    model.save_to_preset(str(tmp_path))
    again = DualEncoder.from_preset(tmp_path)
    assert isinstance(again.image_encoder, ClipImageEncoder)
    assert again.get_config()["text_head"] == "linear"
    np.testing.assert_allclose(again.encode_image(IMAGES), model.encode_image(IMAGES), atol=1e-6)
    ones = np.ones((2, 5), "int32")
    tokens = {"token_ids": ones, "padding_mask": ones, "segment_ids": 0 * ones}
    np.testing.assert_allclose(again.encode_text(tokens), model.encode_text(tokens), atol=1e-6)


def test_a_clips_text_tower_beside_another_image_tower(tmp_path):
    image = ImageEncoder("small_cnn", image_size=SIZE)
    model = DualEncoder(image, tiny_clip().text_encoder, projection_dim=6)
    model.save_to_preset(str(tmp_path))
    again = DualEncoder.from_preset(tmp_path)
    assert isinstance(again.text_encoder, ClipTextEncoder)
    tokens = {"token_ids": TOKENS}
    np.testing.assert_allclose(again.encode_text(tokens), model.encode_text(tokens), atol=1e-6)
