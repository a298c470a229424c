import json
import math

import keras
import numpy as np
import pytest
from gradients import gradients

from kclip.losses import AsymmetricLoss


def test_a_loss_by_hand():
    """A missed positive, p = 0.2, and a false alarm, p = 0.75 and so q = 0.35."""
    logits = np.log([[0.2 / 0.8, 0.75 / 0.25]])
    loss = AsymmetricLoss(gamma_negative=2.0, gamma_positive=1.0, clip=0.1)
    expected = 0.8 * -math.log(0.2) + 0.65**2 * -math.log(0.35)
    assert float(loss(np.array([[1, 0]]), logits)) == pytest.approx(expected, rel=1e-5)


def test_without_focusing_and_clip_it_is_binary_cross_entropy():
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 2, (4, 7)), rng.normal(size=(4, 7)).astype("float32")
    expected = (
        np.logaddexp(0, -logits)[labels == 1].sum() + np.logaddexp(0, logits)[labels == 0].sum()
    )
    assert float(AsymmetricLoss(0.0, 0.0, 0.0)(labels, logits)) == pytest.approx(expected, rel=1e-5)


def test_a_negative_below_the_clip_costs_nothing_and_pulls_nothing():
    labels, logits = np.zeros((1, 2)), np.array([[-3.0, -60.0]], "float32")
    loss = AsymmetricLoss(focusing_gradient=True)
    (gradient,), _ = gradients(lambda logits: loss(labels, logits), [logits])
    assert float(loss(labels, logits)) == 0
    assert not gradient.any()


@pytest.mark.parametrize("focusing_gradient", [False, True])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 4.0])
def test_certain_answers_have_finite_gradients(gamma, focusing_gradient):
    labels, logits = np.array([[1, 1, 0, 0]]), np.array([[60, -60, 60, -60]], "float32")
    loss = AsymmetricLoss(gamma, gamma, 0.0, focusing_gradient)
    (gradient,), _ = gradients(lambda logits: loss(labels, logits), [logits])
    assert np.isfinite(gradient).all()


def test_a_label_that_does_not_count_costs_nothing_and_pulls_nothing():
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 2, (6, 5)), rng.normal(size=(6, 5)).astype("float32")
    valid_mask = rng.random((6, 5)) < 0.6
    loss = AsymmetricLoss()
    slow = sum(
        float(loss(labels[row : row + 1, column : column + 1], logits[row, column][None, None]))
        for row, column in zip(*np.nonzero(valid_mask), strict=True)
    )
    assert float(loss(labels, logits, valid_mask)) == pytest.approx(slow, rel=1e-5)
    assert float(loss(labels, logits, valid_mask)) < 0.9 * float(loss(labels, logits))
    (gradient,), _ = gradients(lambda logits: loss(labels, logits, valid_mask), [logits])
    assert np.array_equal(gradient != 0, valid_mask)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits_give_a_float32_loss(dtype):
    labels = np.array([[1, 1, 0, 0]])
    logits = keras.ops.convert_to_tensor([[30.0, -30.0, 30.0, -30.0]])
    loss = AsymmetricLoss()(labels, keras.ops.cast(logits, dtype))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == float(AsymmetricLoss()(labels, logits))


@pytest.mark.parametrize("extreme", ["", "_extreme"], ids=["moderate", "extreme"])
@pytest.mark.parametrize("case", range(4))
def test_golden_asymmetric_loss(goldens, case, extreme):
    with np.load(goldens / "asl.npz") as file:
        z = dict(file)
    settings = json.loads(str(z["meta"]))["cases"][case]
    labels, logits = z[f"targets{extreme}"], z[f"logits{extreme}"]
    name = f"case{settings['index']}{extreme}"
    for focusing_gradient, key in ((False, "grad"), (True, "grad_focalgrad")):
        loss = AsymmetricLoss(
            settings["gamma_neg"], settings["gamma_pos"], settings["clip"], focusing_gradient
        )
        assert float(loss(labels, logits)) == pytest.approx(float(z[f"{name}.loss"]), rel=1e-5)
        (gradient,), _ = gradients(lambda logits, loss=loss: loss(labels, logits), [logits])
        np.testing.assert_allclose(gradient, z[f"{name}.{key}"], rtol=0, atol=1e-5)
