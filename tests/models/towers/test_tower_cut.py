"""A tower cut where its first trained block begins gives what it gives as a whole."""

import numpy as np
import pytest
from tiny_clip import LENGTH, SIZE, tiny_clip
from tiny_models import randomize

from kclip.models import ImageEncoder, TextEncoder
from kclip.models.towers.keras_hub_image_encoder import KerasHubImageEncoder
from kclip.models.towers.recomputing import recompute_blocks
from kclip.models.towers.tower_cut import cut_tower, frozen_blocks
from kclip.training.common.train_modes import train_tower

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE, 3)).astype("float32")
IDS = np.random.default_rng(1).integers(1, 50, (2, LENGTH)).astype("int32")
IDS[0, 9:] = 0
TOKENS = {"token_ids": IDS, "padding_mask": (IDS > 0).astype("int32"), "segment_ids": 0 * IDS}
VIT = {"patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 16}


def text(family="bert", **sizes):
    return TextEncoder(60, 2, 2, 8, 16, dropout=0.3, family=family, sizes=sizes or None)


TOWERS = {
    "clip image": (lambda: tiny_clip().image_encoder, IMAGES, ()),
    "siglip image": (lambda: tiny_clip("siglip").image_encoder, IMAGES, ()),
    "clip text": (lambda: tiny_clip().text_encoder, TOKENS, ("token_ids",)),
    "siglip text": (lambda: tiny_clip("siglip").text_encoder, TOKENS, ()),
    "bert": (text, TOKENS, ("padding_mask",)),
    "roberta": (lambda: text("roberta"), TOKENS, ("padding_mask",)),
    "network": (lambda: ImageEncoder("small_cnn", image_size=SIZE), IMAGES, ()),
}
WHOLE = {
    "blocks within a layer": lambda: KerasHubImageEncoder("ViTBackbone", VIT, image_size=SIZE),
    "biases of positions": lambda: text("mpnet", num_buckets=8),
}


def inputs_of(tower, inputs):
    return {name: inputs[name] for name in tower.input} if isinstance(inputs, dict) else inputs


def trained(make, mode="last:1"):
    tower = make()
    randomize(tower)
    train_tower(tower, mode)
    return tower


@pytest.mark.parametrize("kind", TOWERS)
def test_both_parts_together_are_the_tower(kind):
    make, inputs, kept = TOWERS[kind]
    tower = trained(make)
    inputs = inputs_of(tower, inputs)
    cut = cut_tower(tower, "features")
    assert cut.kept == kept
    middle = {"features": np.asarray(cut.lower(inputs)), **{name: inputs[name] for name in kept}}
    np.testing.assert_allclose(np.asarray(cut.upper(middle)), np.asarray(tower(inputs)), atol=1e-6)
    above = {id(weight) for weight in cut.upper.trainable_weights}
    assert above == {id(weight) for weight in tower.trainable_weights}
    assert cut.lower.trainable_weights == []
    assert len(cut.get_weights()) + len(cut.upper.weights) == len(tower.weights)


@pytest.mark.parametrize("kind", ["bert", *WHOLE])
def test_below_the_trained_blocks_nothing_is_random(kind):
    """With the trained part's own dropout taken out, training gives what inference gives."""
    make = WHOLE.get(kind, text)
    tower = trained(make, "last:1")
    assert frozen_blocks(tower)
    for layer in tower._flatten_layers():
        if getattr(layer, "seed_generator", None) is not None and layer.trainable:
            layer.call = lambda inputs, training=None: inputs
    inputs = inputs_of(tower, TOKENS if isinstance(tower, TextEncoder) else IMAGES)
    plain = np.asarray(tower(inputs))
    np.testing.assert_allclose(np.asarray(tower(inputs, training=True)), plain, atol=1e-6)


def test_dropout_is_off_while_its_layer_is_frozen():
    tower = trained(text)
    dropout = tower.backbone.get_layer("embeddings_dropout")
    ones = np.ones((1, 8, 8), "float32")
    assert np.array_equal(np.asarray(dropout(ones, training=True)), ones)
    train_tower(tower, "all")
    assert not np.array_equal(np.asarray(dropout(ones, training=True)), ones)


@pytest.mark.parametrize("kind", WHOLE)
def test_what_cannot_be_cut_is_left_whole(kind):
    assert cut_tower(trained(WHOLE[kind]), "features") is None


def test_a_tower_that_computes_its_blocks_again_is_cut():
    tower = trained(lambda: tiny_clip().image_encoder)
    plain = np.asarray(tower(IMAGES))
    recompute_blocks(tower)
    cut = cut_tower(tower, "features")
    again = cut.upper({"features": cut.lower(IMAGES)})
    np.testing.assert_allclose(np.asarray(again), plain, atol=1e-6)


def test_another_cut_has_another_name():
    first, second = (cut_tower(trained(text, f"last:{n}"), "features") for n in (1, 2))
    assert first.get_config() != second.get_config()
    assert first.num_bytes(10, length=7) == 10 * 7 * 8 * 4
