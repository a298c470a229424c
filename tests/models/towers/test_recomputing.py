"""Blocks that are computed again give the gradients of blocks whose activations are kept."""

import keras
import numpy as np
import pytest
from gradients import gradients
from tiny_clip import LENGTH, SIZE, tiny_clip
from tiny_models import randomize

from kclip.errors import UserError
from kclip.models import ImageEncoder, TextEncoder
from kclip.models.towers.keras_hub_image_encoder import KerasHubImageEncoder
from kclip.models.towers.recomputing import recompute_blocks
from kclip.training.common.train_modes import merge_lora, train_tower

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE, 3)).astype("float32")
IDS = np.random.default_rng(1).integers(1, 50, (2, LENGTH)).astype("int32")
IDS[1, 9:] = 0
TOKENS = {"token_ids": IDS, "padding_mask": (IDS > 0).astype("int32")}
VIT = {"patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 16}


def text(family, sizes=None, **inputs):
    numbers = {"dropout": 0.3, "max_sequence_length": LENGTH, "family": family, "sizes": sizes}
    return lambda: TextEncoder(60, 2, 2, 8, 16, **numbers), TOKENS | inputs


TOWERS = {
    "clip image": (lambda: tiny_clip().image_encoder, IMAGES),
    "bert": text("bert", segment_ids=0 * IDS),
    "mpnet": text("mpnet"),  # a bias that all blocks take beside their input
    "deberta": text("deberta_v3", {"bucket_size": 4}),
    "vit": (
        lambda: KerasHubImageEncoder("ViTBackbone", VIT | {"dropout_rate": 0.3}, SIZE),
        IMAGES,
    ),
}


def of_weights(tower, inputs):
    """Gradients of a weighted sum of the outputs, dropout sampled from a fixed state."""
    weights = np.random.default_rng(2).normal(size=(2, tower.feature_dim)).astype("float32")
    return gradients(
        lambda: keras.ops.sum(tower(inputs, training=True) * weights),
        [],
        [v for v in tower.variables if v.trainable],
    )[1]


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(kind, "all") for kind in TOWERS] + [("clip image", "lora:2"), ("bert", "last:1")],
)
def test_gradients_are_the_same_behind_dropout_too(kind, mode):
    make, inputs = TOWERS[kind]
    tower = make()
    train_tower(tower, mode)
    randomize(tower)
    expected = of_weights(tower, inputs)
    recompute_blocks(tower)
    found = of_weights(tower, inputs)
    assert len(found) == len(expected) > 3
    largest = max(np.abs(gradient).max() for gradient in expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6 * largest)
    assert sum(np.abs(gradient).max() > 1e-4 * largest for gradient in expected) > 3


def test_random_generators_move_on_as_they_did():
    make, inputs = TOWERS["bert"]
    states, outputs = [], []
    for again in (False, True):
        keras.utils.set_random_seed(0)
        tower = make()
        randomize(tower)
        if again:
            recompute_blocks(tower)
        outputs.append([np.array(tower(inputs, training=True)) for _ in range(2)])
        states.append([np.array(v.value) for v in tower.variables if "seed" in v.name])
    np.testing.assert_array_equal(*states)
    np.testing.assert_allclose(*outputs, atol=1e-6)
    assert np.abs(outputs[0][0] - outputs[0][1]).max() > 1e-3


def test_adapters_are_merged_as_ever():
    tower = tiny_clip().image_encoder
    train_tower(tower, "lora:2")
    recompute_blocks(tower)
    for weight in tower.trainable_weights:
        weight.assign(np.random.default_rng(2).normal(0, 0.3, weight.shape))
    adapted = np.asarray(tower(IMAGES))
    merge_lora(tower)
    np.testing.assert_allclose(np.asarray(tower(IMAGES)), adapted, atol=1e-5)


def test_what_is_no_transformer_is_refused():
    with pytest.raises(UserError, match="blocks of a transformer, which 'small_cnn' has not"):
        recompute_blocks(ImageEncoder("small_cnn", image_size=SIZE))
