import numpy as np
import pytest
from tiny_clip import LENGTH, SIZE, tiny_clip

from kclip.errors import UserError
from kclip.models import ImageEncoder, TextEncoder
from kclip.training.common.train_modes import merge_lora, train_tower

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE, 3)).astype("float32")
IDS = np.random.default_rng(1).integers(1, 50, (2, LENGTH)).astype("int32")
TOWERS = {
    "clip image": (lambda: tiny_clip().image_encoder, IMAGES),
    "siglip image": (lambda: tiny_clip("siglip").image_encoder, IMAGES),
    "clip text": (lambda: tiny_clip().text_encoder, {"token_ids": IDS}),
    "bert": (
        lambda: TextEncoder(60, 2, 2, 8, 16, dropout=0.0),
        {"token_ids": IDS, "padding_mask": IDS > 0, "segment_ids": 0 * IDS},
    ),
    "network": (lambda: ImageEncoder("small_cnn", image_size=SIZE), IMAGES),
}


def names(layers):
    return {weight.path for layer in layers for weight in layer.trainable_weights}


@pytest.mark.parametrize("kind", TOWERS)
def test_blocks_hold_every_weight_once(kind):
    tower = TOWERS[kind][0]()
    weights = [weight.path for block in tower.blocks for layer in block for weight in layer.weights]
    assert sorted(weights) == sorted(weight.path for weight in tower.weights)


@pytest.mark.parametrize("kind", TOWERS)
def test_the_last_blocks_alone_are_trained(kind):
    tower = TOWERS[kind][0]()
    every = names([tower])
    train_tower(tower, "last:1")
    assert names([tower]) == names(tower.blocks[-1])
    assert names([tower]) and names(tower.blocks[0]) == set()
    train_tower(tower, f"last:{len(tower.blocks)}")
    assert names([tower]) == every
    train_tower(tower, "head")
    assert names([tower]) == set()
    train_tower(tower, "all")
    assert names([tower]) == every


@pytest.mark.parametrize("kind", sorted(set(TOWERS) - {"network"}))
def test_merged_adapters_give_what_the_adapters_gave(kind):
    """At first they change nothing; once trained they do, and merged they give the same."""
    make, inputs = TOWERS[kind]
    tower = make()
    before, count = np.asarray(tower(inputs)), len(tower.weights)
    train_tower(tower, "lora:2")
    np.testing.assert_allclose(np.asarray(tower(inputs)), before, atol=1e-6)
    for weight in tower.trainable_weights:
        weight.assign(np.random.default_rng(2).normal(0, 0.3, weight.shape))
    adapted = np.asarray(tower(inputs))
    assert np.abs(adapted - before).max() > 1e-2
    merge_lora(tower)
    assert len(tower.weights) == count
    np.testing.assert_allclose(np.asarray(tower(inputs)), adapted, atol=1e-5)


def test_what_a_tower_has_not_is_refused():
    network = ImageEncoder("small_cnn", image_size=SIZE)
    with pytest.raises(UserError, match="the tower has 8 blocks; give at most last:8"):
        train_tower(network, "last:9")
    with pytest.raises(UserError, match="attention of transformers, which 'small_cnn' has not"):
        train_tower(network, "lora:4")
