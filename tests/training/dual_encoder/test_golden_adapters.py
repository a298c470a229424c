"""Low-rank adapters and mixed weights of a CLIP, beside those of peft and transformers."""

import json

import keras
import numpy as np
import pytest
from golden_clip import Arrays, GoldenClip

from kclip.losses import ContrastiveLoss
from kclip.models.pretrained.huggingface_clip import fill
from kclip.training.common.mixing import mix_weights
from kclip.training.common.optimizer import compile_model
from kclip.training.common.train_modes import merge_lora

SIDES = {"image_encoder": "vision_model", "text_encoder": "text_model"}


@pytest.fixture(scope="module")
def golden(goldens):
    return GoldenClip(goldens / "hf_clip_tiny_training")


@pytest.fixture(scope="module")
def lora(goldens):
    return dict(np.load(goldens / "hf_clip_tiny_lora.npz"))


def names(side, number, letter):
    """peft's names of a block's matrices, queries' and values'."""
    block = f"base_model.model.{SIDES[side]}.encoder.layers.{number}.self_attn"
    return [f"{block}.{part}_proj.lora_{letter}.weight" for part in "qv"]


def adapted(golden, lora):
    """The model with peft's adapters, on which the heads are frozen, as peft has it."""
    model = golden.model()
    (rank,) = {lora[key].shape[0] for key in lora if key.startswith("lora.") and "lora_A" in key}
    scale = json.loads(str(lora["meta"]))["source"].partition("lora_alpha=")[2]
    alpha = int(scale.partition(",")[0])
    for layer in (model.image_projection, model.text_projection, model.logit_scale):
        layer.trainable = False
    for side in SIDES:
        tower = getattr(model, side)
        tower.enable_lora(rank, alpha)
        for number, block in enumerate(tower.transformer_blocks):
            for letter, variable in (("A", block.lora_a), ("B", block.lora_b)):
                of_parts = [lora[f"lora.{name}"].T for name in names(side, number, letter)]
                variable.assign(np.stack(of_parts))
    return model


def check_embeddings(model, golden, arrays, prefix):
    embeddings = model.predict_on_batch(golden.inputs)
    for kind in ("image", "text"):
        expected = arrays[f"{prefix}.{kind}_embeds"]
        np.testing.assert_allclose(embeddings[f"{kind}_embeddings"], expected, atol=2e-5)


def test_golden_adapted_outputs(golden, lora):
    check_embeddings(golden.model(), golden, lora, "base")
    check_embeddings(adapted(golden, lora), golden, lora, "lora")


def test_golden_gradients_of_adapters(golden, lora):
    model = adapted(golden, lora)
    blocks = {
        (side, number): block
        for side in SIDES
        for number, block in enumerate(getattr(model, side).transformer_blocks)
    }
    before = {key: [np.array(b.lora_a), np.array(b.lora_b)] for key, b in blocks.items()}
    assert len(model.trainable_variables) == 2 * len(blocks)
    compile_model(model, keras.optimizers.SGD(1.0), ContrastiveLoss("hard"))
    loss = model.train_on_batch(golden.inputs, golden.ids)
    assert loss == pytest.approx(float(lora["lora.loss"]), rel=1e-5)
    for (side, number), block in blocks.items():
        after = (block.lora_a, block.lora_b)
        for letter, start, end in zip("AB", before[side, number], after, strict=True):
            expected = np.stack([lora[f"grad.{n}"].T for n in names(side, number, letter)])
            atol = 2e-5 * np.abs(expected).max() + 1e-6 + 2e-7 * np.abs(start).max()
            np.testing.assert_allclose(start - np.array(end), expected, rtol=1e-4, atol=atol)


def test_golden_merged_weights(golden, lora):
    model = adapted(golden, lora)
    variables = len(model.weights)
    merge_lora(model)
    assert len(model.weights) < variables
    check_embeddings(model, golden, lora, "merged")
    for side, name in SIDES.items():
        for number, block in enumerate(getattr(model, side).transformer_blocks):
            kernel = np.array(block.query_key_value.kernel)
            queries, _, values = np.split(kernel, 3, axis=1)
            for part, found in (("q", queries), ("v", values)):
                key = f"merged.{name}.encoder.layers.{number}.self_attn.{part}_proj.weight"
                np.testing.assert_allclose(found, lora[key].T, atol=1e-6)


def test_golden_mixed_weights(golden, goldens):
    """Every ratio of the file, over every parameter, the logit scale's logarithm included."""
    arrays = dict(np.load(goldens / "wise_ft.npz"))
    start = golden.model().get_weights()
    model = golden.model()
    fill(model, Arrays(golden.arrays, "param_after."))
    trained = model.get_weights()
    for ratio in arrays["ratios"]:
        prefix = f"r{ratio:g}"
        model.set_weights(mix_weights(start, trained, float(ratio)))
        if f"mix.{prefix}.logit_scale" in arrays:
            expected = golden.model()
            fill(expected, Arrays(arrays, f"mix.{prefix}."))
            for ours, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
                np.testing.assert_allclose(ours, theirs, atol=1e-6)
        check_embeddings(model, golden, arrays, prefix)
