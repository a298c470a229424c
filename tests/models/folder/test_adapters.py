"""A base and its adapters give the model that was saved with the adapters in its weights."""

import json

import numpy as np
import pytest
from tiny_clip import LENGTH, SIZE, tiny_clip, write_tiny_clip
from tiny_models import tiny_dual_encoder

import kclip
from kclip.errors import UserError
from kclip.models.folder.adapters import add_adapters, low_rank_factors, save_adapters
from kclip.training.common.mixing import mix_weights
from kclip.training.common.train_modes import merge_lora, train_tower

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE, 3)).astype("float32")
TOKENS = {"token_ids": np.random.default_rng(1).integers(1, 50, (2, LENGTH)).astype("int32")}
ABOUT = {"base": "the base"}


def trained(model, folder, image, text, fraction=1.0):
    """Gives what is trained other values, and mixes, merges and saves as a training does."""
    start = model.get_weights()
    for mode, tower in ((image, model.image_encoder), (text, model.text_encoder)):
        train_tower(tower, mode)
    for number, variable in enumerate(model.trainable_variables):
        noise = np.random.default_rng(number).normal(0, 0.3, variable.shape)
        variable.assign(np.array(variable) + noise)
    factors = low_rank_factors(model)
    merge_lora(model)
    model.set_weights(mix_weights(start, model.get_weights(), fraction))
    save_adapters(folder, model, start, factors, fraction, ABOUT)
    return factors


@pytest.mark.parametrize(
    ("image", "text", "fraction"), [("lora:2", "lora:1", 1.0), ("lora:2", "last:1", 0.25)]
)
def test_embeddings_are_those_of_the_merged_model(tmp_path, image, text, fraction):
    base, preprocessor = write_tiny_clip(tmp_path / "base")
    base.save_to_preset(str(tmp_path / "base"))
    model = tiny_clip()
    trained(model, tmp_path / "adapters", image, text, fraction)
    found = kclip.load(tmp_path / "base", adapters=tmp_path / "adapters")[0]
    for ours, theirs in zip(found.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    pairs = [(of.encode_image(IMAGES), of.encode_text(TOKENS)) for of in (found, model, base)]
    for ours, merged, before in zip(*pairs, strict=True):
        np.testing.assert_allclose(ours, merged, atol=1e-5)
        assert np.abs(before - merged).max() > 1e-2
    size = (tmp_path / "adapters/adapters.safetensors").stat().st_size
    assert size < 4 * base.count_params()


def test_adapters_of_keras_layers(tmp_path):
    model, again = tiny_dual_encoder(), tiny_dual_encoder()
    again.set_weights(model.get_weights())
    assert len(trained(model, tmp_path / "adapters", "frozen", "lora:2")) == 2
    add_adapters(again, "again", tmp_path / "adapters")
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_another_base_is_refused(tmp_path):
    trained(tiny_clip(), tmp_path / "adapters", "lora:2", "frozen")
    for other, difference in ((tiny_clip(seed=1), "digest"), (tiny_clip("siglip"), "weights")):
        before = other.get_weights()
        with pytest.raises(UserError, match=f"another base than 'other'.*{difference}.*'the base'"):
            add_adapters(other, "other", tmp_path / "adapters")
        assert all(np.array_equal(a, b) for a, b in zip(before, other.get_weights(), strict=True))
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="holds no adapters that kclip wrote"):
        add_adapters(tiny_clip(), "other", tmp_path / "none")
    (tmp_path / "none/adapters.json").write_text(json.dumps({"peft_type": "LORA"}))
    with pytest.raises(UserError, match="holds no adapters that kclip wrote"):
        add_adapters(tiny_clip(), "other", tmp_path / "none")
