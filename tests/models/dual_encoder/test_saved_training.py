"""A `.keras` file goes on where the training of its model was."""

import h5py
import keras
import numpy as np
import pytest
from tiny_clip import tiny_clip
from tiny_models import tiny_batch, tiny_dual_encoder

from kclip.losses import ContrastiveLoss, SigmoidLoss
from kclip.models import DualEncoder

BATCH = tiny_batch()
IDS = np.arange(len(BATCH["image"]))


def steps(model, batch, count=2):
    return [float(model.train_on_batch(batch, IDS)) for _ in range(count)]


def reloaded(model, path):
    model.save(path)
    return keras.saving.load_model(path)


@pytest.mark.parametrize("loss", [ContrastiveLoss("hard", label_smoothing=0.1), SigmoidLoss()])
def test_training_goes_on_as_if_it_had_not_been_saved(tmp_path, loss):
    bias = {"initial_bias": -3.0} if isinstance(loss, SigmoidLoss) else {}
    model = tiny_dual_encoder(dropout=0.0, **bias)
    model.text_encoder.trainable = False
    model.compile(keras.optimizers.AdamW(1e-2, weight_decay=0.1), loss=loss, jit_compile=False)
    steps(model, BATCH)
    again = reloaded(model, tmp_path / "model.keras")
    assert type(again) is DualEncoder and again.own_loss == model.own_loss
    assert int(again.optimizer.iterations) == 2 and again.optimizer.weight_decay == 0.1
    assert not again.text_encoder.trainable and not again.jit_compile
    np.testing.assert_allclose(steps(again, BATCH), steps(model, BATCH), rtol=1e-5)
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX on CPUs has no float16 products")
def test_a_clip_goes_on_in_half_precision(tmp_path):
    """Where Keras wraps the optimizer, whose scale of losses is a part of its state."""
    model = tiny_clip(dtype="mixed_float16")
    batch = {
        "image": BATCH["image"],
        "token_ids": np.random.default_rng(0).integers(1, 50, (len(IDS), 16)),
    }
    model.compile("adamw", loss="contrastive")
    steps(model, batch)
    again = reloaded(model, tmp_path / "model.keras")
    assert type(again.optimizer) is type(model.optimizer)
    assert again.own_loss == ContrastiveLoss("hard")
    np.testing.assert_allclose(steps(again, batch), steps(model, batch), rtol=1e-3)


def test_a_model_that_was_not_compiled_is_not(tmp_path):
    assert not reloaded(tiny_dual_encoder(), tmp_path / "model.keras").compiled


def test_a_model_folder_holds_the_weights_alone_and_training_goes_on(tmp_path):
    model = tiny_dual_encoder(dropout=0.0)
    model.compile(keras.optimizers.AdamW(1e-2), loss=ContrastiveLoss())
    steps(model, BATCH)
    model.save_to_preset(str(tmp_path))
    numbers = sum(weight.size for weight in model.get_weights())
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert "optimizer" not in file
    steps(model, BATCH)
    assert int(model.optimizer.iterations) == 4
    again = DualEncoder.from_preset(tmp_path)
    assert sum(weight.size for weight in again.get_weights()) == numbers
