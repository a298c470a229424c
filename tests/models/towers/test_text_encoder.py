import json

import keras
import numpy as np
import pytest

from kclip.config.dual_encoder import Objective
from kclip.config.towers import ImageTower, TextTower
from kclip.errors import UserError
from kclip.models import TextEncoder
from kclip.models.towers.text_encoder import BERT_SIZES, MaskedMean
from kclip.training.dual_encoder.building import build_dual_encoder

RNG = np.random.default_rng(0)
SMALL = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], "int32")


def inputs(token_ids=None):
    token_ids = RNG.integers(5, 50, MASK.shape) if token_ids is None else token_ids
    return {
        "token_ids": token_ids.astype("int32"),
        "padding_mask": MASK,
        "segment_ids": np.zeros_like(MASK),
    }


def small(**kwargs):
    return TextEncoder(50, **SMALL, **kwargs)


@pytest.fixture(scope="module")
def golden(goldens):
    folder = goldens / "hf_bert_tiny"
    with np.load(folder / "io.npz") as file:
        return dict(file), json.loads((folder / "tokens.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def built(goldens, golden):
    """For each pooling, what kclip builds from a Hugging Face folder."""
    image, objective = ImageTower(backbone="small_cnn", size=32), Objective(projection_dim=8)
    built = {}
    for pooling in ("mean", "cls"):
        text = TextTower(
            backbone=str(goldens / "hf_bert_tiny"),
            pooling=pooling,
            sequence_length=golden[0]["input_ids"].shape[1],
        )
        built[pooling] = build_dual_encoder(image, text, objective, captions=[])
    return built


def test_golden_token_ids_of_all_sentences(golden, built):
    arrays, tokens = golden
    _, preprocessor = built["mean"]
    ours = preprocessor.tokenize(tokens["sentences"])
    np.testing.assert_array_equal(np.asarray(ours["token_ids"]), arrays["input_ids"])
    np.testing.assert_array_equal(np.asarray(ours["padding_mask"]), arrays["attention_mask"])
    assert not np.any(np.asarray(ours["segment_ids"]))
    for row, ids in zip(np.asarray(ours["token_ids"]), tokens["ids"], strict=True):
        assert row[: len(ids)].tolist() == ids


@pytest.mark.parametrize("suffix", ["", "_alt"], ids=["one_sentence", "token_types"])
def test_golden_bert_outputs(golden, built, suffix):
    arrays, _ = golden
    ids, mask = arrays["input_ids"], arrays["attention_mask"]
    types = arrays["token_type_ids_alt"] if suffix else np.zeros_like(ids)
    tokens = {"token_ids": ids, "padding_mask": mask, "segment_ids": types}
    encoders = {pooling: model.text_encoder for pooling, (model, _) in built.items()}

    real = mask.astype(bool)
    sequence = np.asarray(encoders["mean"].backbone(tokens))
    expected = arrays[f"last_hidden_state{suffix}"]
    np.testing.assert_allclose(sequence[real], expected[real], atol=2e-5)
    pooled = np.asarray(encoders["cls"](tokens))
    np.testing.assert_allclose(pooled, arrays[f"pooler_output{suffix}"], atol=2e-5)
    means = [row[keep].mean(axis=0) for row, keep in zip(expected, real, strict=True)]
    np.testing.assert_allclose(np.asarray(encoders["mean"](tokens)), means, atol=2e-5)
    if not suffix:
        np.testing.assert_allclose(means, arrays["mean_pooled_masked"], atol=2e-5)


def test_the_mean_is_over_real_tokens_in_float32():
    tokens = RNG.normal(size=(2, 5, 3)).astype("float16")
    ours = np.asarray(MaskedMean()(tokens, MASK))
    assert ours.dtype == np.float32
    exact = tokens.astype("float64")
    np.testing.assert_allclose(ours, [exact[0].mean(0), exact[1, :2].mean(0)], rtol=1e-5)


def test_a_text_without_tokens_has_a_mean_of_zero():
    assert not np.any(np.asarray(MaskedMean()(np.ones((1, 4, 3), "float32"), np.zeros((1, 4)))))


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_padding_has_no_say(pooling):
    encoder = small(pooling=pooling)
    batch = inputs()
    other = np.where(MASK, batch["token_ids"], 7)
    expected = np.asarray(encoder(batch))
    np.testing.assert_allclose(np.asarray(encoder(inputs(other))), expected, atol=1e-6)
    cut = {name: value[1:, :2] for name, value in batch.items()}
    np.testing.assert_allclose(np.asarray(encoder(cut))[0], expected[1], atol=1e-5)


def test_every_weight_gets_a_gradient():
    """With mean pooling BERT's pooler is left out: it would only be decayed."""
    for pooling in ("mean", "cls"):
        encoder = small(pooling=pooling, dropout=0.0)
        encoder.compile(keras.optimizers.SGD(1.0), loss="mse")
        before = encoder.get_weights()
        encoder.train_on_batch(inputs(), RNG.normal(size=(2, 16)))
        moved = [np.any(a != b) for a, b in zip(encoder.get_weights(), before, strict=True)]
        assert all(moved)


def test_the_two_gelus_differ_and_are_kept():
    exact, tanh = small(gelu="exact"), small(gelu="tanh")
    # Weights of the usual size leave the two alike; these don't.
    large = [8 * weight for weight in exact.get_weights()]
    exact.set_weights(large)
    tanh.set_weights(large)
    batch = inputs()
    difference = np.abs(np.asarray(exact(batch)) - np.asarray(tanh(batch))).max()
    assert 1e-5 < difference
    again = TextEncoder.from_config(exact.get_config())
    again.set_weights(exact.get_weights())
    np.testing.assert_allclose(np.asarray(again(batch)), np.asarray(exact(batch)), atol=1e-6)


def test_a_frozen_tower_gives_constants():
    encoder = small(dropout=0.5)
    batch = inputs()
    inference = np.asarray(encoder(batch))
    assert not np.allclose(inference, np.asarray(encoder(batch, training=True)))
    encoder.trainable = False
    np.testing.assert_array_equal(
        np.asarray(encoder(batch)), np.asarray(encoder(batch, training=True))
    )


def test_sizes_have_names():
    encoder = TextEncoder.from_size("tiny", vocabulary_size=50)
    assert encoder.feature_dim == BERT_SIZES["tiny"]["hidden_dim"] == 128
    with pytest.raises(UserError, match="no BERT size 'huge'; choose one of tiny, mini"):
        TextEncoder.from_size("huge", vocabulary_size=50)
