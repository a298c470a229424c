"""Gradients and steps of a pretrained CLIP and SigLIP, beside those of transformers on PyTorch."""

import keras
import numpy as np
import pytest
from golden_clip import GoldenClip

from kclip.training.common.optimizer import compile_model


@pytest.fixture(scope="module", params=["hf_clip_tiny_training", "hf_siglip_tiny_training"])
def golden(request, goldens):
    return GoldenClip(goldens / request.param)


def test_golden_gradients(golden):
    """One step of plain descent at a rate of 1 takes each weight down by its gradient."""
    model = golden.model()
    before = [np.array(weight) for weight in model.trainable_variables]
    compile_model(model, keras.optimizers.SGD(1.0), golden.loss())
    loss = model.train_on_batch(golden.inputs, golden.ids)
    assert loss == pytest.approx(float(golden.arrays["loss"]), rel=1e-5)
    for weight, start, expected in zip(
        model.trainable_variables, before, golden.filled("grad."), strict=True
    ):
        # Float32 holds the difference of two weights to some 1e-7 of the weight.
        atol = 2e-5 * np.abs(expected).max() + 1e-6 + 2e-7 * np.abs(start).max()
        if "log_scale" in weight.path:  # the ceiling of the scale may hold it
            continue
        np.testing.assert_allclose(
            start - np.array(weight), expected, rtol=1e-4, atol=atol, err_msg=weight.path
        )


def test_golden_steps_of_adamw(golden):
    """One step, weight by weight, and the losses of five."""
    model = golden.model()
    compile_model(model, golden.optimizer(), golden.loss())
    losses = [float(model.train_on_batch(golden.inputs, golden.ids))]
    gradients, expected = golden.filled("grad."), golden.filled("param_after.")
    for weight, gradient, after in zip(model.trainable_variables, gradients, expected, strict=True):
        counted = np.abs(gradient) > 1e-4  # those that are 0 in theory are noise
        difference = np.abs(np.array(weight) - after)[counted]
        assert difference.max(initial=0.0) < 2e-5, weight.path
    for _ in golden.arrays["losses_5_steps"][1:]:
        model.reset_metrics()
        losses.append(float(model.train_on_batch(golden.inputs, golden.ids)))
    np.testing.assert_allclose(losses, golden.arrays["losses_5_steps"], rtol=5e-4)


def test_golden_weights_of_unused_tokens_decay(golden):
    """Their gradient is 0, their decay is not."""
    model = golden.model()
    compile_model(model, golden.optimizer(), golden.loss())
    table = model.text_encoder.token_embedding.token_embedding.embeddings
    before = np.array(table)
    model.train_on_batch(golden.inputs, golden.ids)
    unused = np.setdiff1d(np.arange(len(before)), golden.inputs["token_ids"])
    settings = golden.meta["optimiser"]
    kept = 1 - settings["lr"] * settings["weight_decay"]
    np.testing.assert_allclose(np.array(table)[unused], before[unused] * kept, rtol=1e-5)
