"""Learning rates by block: one step of every variable against a loop by hand."""

import keras
import numpy as np
import pytest
from tiny_clip import tiny_clip
from tiny_models import tiny_dual_encoder

from kclip.config.towers import ImageTower, TextTower, check_training
from kclip.errors import UserError
from kclip.losses import ContrastiveLoss
from kclip.training.common.optimizer import TowerAdamW, compile_model
from kclip.training.common.tower_rates import set_tower_rates
from kclip.training.common.train_modes import train_tower

RATE, WEIGHT_DECAY, CLIP_NORM = 1e-2, 0.3, 2.0
IMAGE = ImageTower(layer_decay=0.5, learning_rate=4e-3)
TEXT = TextTower(layer_decay=0.8)
# What a part of each variable's path says of its block, counted from the top.
CLIP_BLOCKS = {"block_1": 1, "output_norm": 1, "block_0": 2, "embedding": 3, "input_norm": 3}


def moved(model, image, text):
    """One step with random gradients: of each side, (path, how far it went, how far by the loop).

    The loop is AdamW's first step at the learning rate of the heads.
    """
    optimizer = TowerAdamW(RATE, weight_decay=WEIGHT_DECAY, global_clipnorm=CLIP_NORM)
    compile_model(model, optimizer, ContrastiveLoss())
    sides = {"image": (image, model.image_encoder), "text": (text, model.text_encoder)}
    for tower, encoder in sides.values():
        set_tower_rates(model, optimizer, encoder, tower, RATE)
    rng = np.random.default_rng(0)
    variables = model.trainable_variables
    gradients = [rng.normal(size=v.shape).astype("float32") for v in variables]
    starts = [np.array(v) for v in variables]
    optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients])
    norm = np.sqrt(sum(np.sum(g.astype("float64") ** 2) for g in gradients))
    side_of = {id(v): side for side, (_, tower) in sides.items() for v in tower.trainable_variables}
    steps = {"image": [], "text": [], "heads": []}
    for variable, start, gradient in zip(variables, starts, gradients, strict=True):
        clipped = gradient * min(1.0, CLIP_NORM / norm)
        # The first step is the gradient over its own size; matrices decay.
        expected = -clipped / (np.abs(clipped) + 1e-7)
        expected = RATE * (expected - WEIGHT_DECAY * start * (start.ndim > 1))
        side = side_of.get(id(variable), "heads")
        steps[side].append((variable.path, np.array(variable) - start, expected))
    return steps


def check(steps, rate, decay=1.0, blocks=None):
    """Compares with the loop; gives the blocks that were seen, counted from the top."""
    seen = set()
    for path, step, expected in steps:
        numbers = {number for name, number in (blocks or {"": 0}).items() if name in path}
        (number,) = numbers
        seen |= numbers
        np.testing.assert_allclose(step, expected * rate * decay**number, rtol=1e-3, atol=5e-7)
    return sorted(seen)


@pytest.mark.parametrize(("mode", "trained"), [("all", [1, 2, 3]), ("lora:2", [1, 2])])
def test_each_block_of_a_transformer_learns_at_its_own_rate(mode, trained):
    model = tiny_clip()
    for tower in (model.image_encoder, model.text_encoder):
        train_tower(tower, mode)
    steps = moved(model, IMAGE, TEXT)
    assert check(steps["image"], 0.4, 0.5, CLIP_BLOCKS) == trained
    assert check(steps["text"], 1.0, 0.8, CLIP_BLOCKS) == trained
    assert check(steps["heads"], 1.0) == [0]


def test_the_layers_of_a_network_are_its_blocks():
    model, optimizer = tiny_dual_encoder(), TowerAdamW(RATE)
    compile_model(model, optimizer, ContrastiveLoss())
    tower = model.image_encoder
    set_tower_rates(model, optimizer, tower, IMAGE, RATE)
    set_tower_rates(model, optimizer, model.text_encoder, TextTower(learning_rate=1e-3), RATE)
    layers = [layer for layer in tower.backbone.layers if layer.weights]
    assert len(layers) == 8
    for number, layer in enumerate(layers):
        rates = {optimizer._factors[optimizer._get_variable_index(v)] for v in layer.variables[:2]}
        assert rates == {0.4 * 0.5 ** (8 - number)}
    rates = [optimizer._get_variable_index(v) for v in model.text_encoder.trainable_variables]
    assert {optimizer._factors[index] for index in rates} == {0.1}


def test_a_tower_that_is_not_trained_has_no_rates():
    with pytest.raises(UserError, match="--text.layer-decay is of a tower that is trained"):
        check_training("text", TextTower(train="head", layer_decay=0.9))
    with pytest.raises(UserError, match="--image.gradient-checkpointing is of a tower that is"):
        check_training("image", ImageTower(train="frozen", gradient_checkpointing=True))
    check_training("image", ImageTower(train="head"))
