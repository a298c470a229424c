import keras_hub
import numpy as np
import pytest
from tiny_clip import sentencepiece_model, tiny_clip_tokenizer, vocabulary

from kclip.errors import UserError
from kclip.models.pretrained.keras_hub_clip import from_keras_hub, tokenizer_from_keras_hub

RNG = np.random.default_rng(0)
TOWER = {"hidden_dim": 16, "num_layers": 2, "num_heads": 2, "intermediate_dim": 32}
IMAGES = RNG.uniform(0, 255, (3, 16, 16, 3)).astype("float32")
TOKEN_IDS = RNG.integers(1, 40, (4, 10)).astype("int32")


def spread(backbone):
    """Weights that a default would not have, large enough that an epsilon is nothing to them."""
    for weight in backbone.weights:
        if weight.path.endswith("position_ids"):
            weight.assign(np.arange(weight.shape[1])[None])
        else:
            weight.assign(weight + RNG.normal(0, 0.3, weight.shape))
    return backbone


def clip(**changes):
    image = keras_hub.models.CLIPVisionEncoder(
        patch_size=8, image_shape=(16, 16, 3), **TOWER | changes
    )
    text = keras_hub.models.CLIPTextEncoder(
        vocabulary_size=40, embedding_dim=16, max_sequence_length=10, **TOWER | changes
    )
    return spread(keras_hub.models.CLIPBackbone(image, text, projection_dim=12))


def siglip():
    image = keras_hub.models.SigLIPVisionEncoder(patch_size=8, image_shape=(16, 16, 3), **TOWER)
    text = keras_hub.models.SigLIPTextEncoder(
        vocabulary_size=40, embedding_dim=16, max_sequence_length=10, **TOWER
    )
    return spread(keras_hub.models.SigLIPBackbone(image, text))


BACKBONES = {
    "clip": clip,
    "clip_gelu": lambda: clip(intermediate_activation="gelu"),
    "siglip": siglip,
}


def unit(rows):
    return np.asarray(rows) / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("name", BACKBONES)
def test_embeddings_and_logits_are_keras_hubs(name):
    backbone = BACKBONES[name]()
    model = from_keras_hub(backbone)
    normalized = (IMAGES / 255 - model.numbers["mean"]) / model.numbers["std"]
    theirs = backbone.predict_on_batch({"images": normalized, "token_ids": TOKEN_IDS[:3]})
    logits = model.logits_per_image(IMAGES, {"token_ids": TOKEN_IDS[:3]})
    scale = float(model.logit_scale.scale)
    np.testing.assert_allclose(logits, theirs["vision_logits"], atol=1e-4 * scale)
    images = unit(backbone.get_vision_embeddings(normalized.astype("float32")))
    np.testing.assert_allclose(model.encode_image(IMAGES), images, atol=2e-5)
    texts = unit(backbone.get_text_embeddings(TOKEN_IDS))
    np.testing.assert_allclose(model.encode_text({"token_ids": TOKEN_IDS}), texts, atol=2e-5)


def test_an_activation_that_kclip_does_not_know():
    with pytest.raises(UserError, match="uses the activation 'relu'; kclip knows quick_gelu"):
        from_keras_hub(clip(intermediate_activation="relu"))


def test_the_tokenizer_keeps_its_vocabulary():
    merges = ["#version: 0.2", *tiny_clip_tokenizer().merges]
    theirs = keras_hub.models.CLIPTokenizer(vocabulary(), merges, pad_with_end_token=True)
    ours = tokenizer_from_keras_hub(theirs)
    assert ours.merges == merges[1:]
    assert ours.pad_token_id == vocabulary()["<|endoftext|>"]


def test_the_tokenizer_of_siglip_2_is_refused():
    proto = sentencepiece_model(symbols=["<bos>", "<eos>"])
    with pytest.raises(UserError, match="is a SigLIP 2, which ends texts with <eos>"):
        tokenizer_from_keras_hub(keras_hub.models.SigLIPTokenizer(proto))
