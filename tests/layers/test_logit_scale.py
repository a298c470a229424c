import math

import keras
import numpy as np
import pytest
from gradients import gradients

from kclip.layers import LogitScale
from kclip.models.folder.dtype_scope import dtype_scope


def test_clip_starts_at_one_over_seven_hundredths():
    assert float(LogitScale().log_scale) == pytest.approx(2.659260, abs=1e-6)
    assert float(LogitScale()(keras.ops.ones(()))) == pytest.approx(14.285714, rel=1e-6)


def test_logits_are_similarity_times_scale_plus_bias():
    layer = LogitScale(initial_scale=10.0, initial_bias=-10.0)
    similarity = np.array([[1.0, 0.5], [0.0, -1.0]], "float32")
    np.testing.assert_allclose(
        np.asarray(layer(similarity)), [[0.0, -5.0], [-10.0, -20.0]], atol=1e-5
    )
    assert float(layer.scale) == pytest.approx(10.0)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_scale_is_never_above_100_after_an_update(optimizer):
    layer = LogitScale()
    optimizer = {"sgd": keras.optimizers.SGD(50.0), "adamw": keras.optimizers.AdamW(3.0)}[optimizer]
    scales = []
    for gradient in (-1.0, -1e6, -1.0, 1e-3, -5.0):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [layer.log_scale])
        scales.append(float(layer.scale))
    assert max(scales) == pytest.approx(100.0, rel=1e-5)
    assert max(scales) <= 100.001


def test_the_scale_may_fall_again():
    layer = LogitScale(initial_scale=100.0)
    gradient = keras.ops.convert_to_tensor(math.log(100.0))
    keras.optimizers.SGD(1.0).apply([gradient], [layer.log_scale])
    assert float(layer.scale) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_it_is_float32_under_any_policy(policy):
    with dtype_scope(policy):
        layers = [LogitScale(), LogitScale(dtype=policy)]
    half = keras.ops.cast([0.1234567], policy.removeprefix("mixed_"))
    for layer in layers:
        assert layer.log_scale.dtype == layer.compute_dtype == "float32"
        assert keras.backend.standardize_dtype(layer(half).dtype) == "float32"
        # A similarity that comes in float32 is not rounded on the way in.
        logit = float(layer(keras.ops.convert_to_tensor(0.1234567)))
        assert logit == pytest.approx(0.1234567 / 0.07, rel=1e-6)


def test_the_gradient_is_that_of_the_logarithm():
    layer = LogitScale(initial_scale=5.0, initial_bias=1.0)
    (similarity,), (log_scale, bias) = gradients(
        lambda x: keras.ops.sum(layer(x)),
        [np.array([2.0, 3.0], "float32")],
        [layer.log_scale, layer.bias],
    )
    np.testing.assert_allclose(similarity, [5.0, 5.0], rtol=1e-6)
    assert log_scale == pytest.approx(25.0, rel=1e-6)  # d/ds of (2 + 3) e^s
    assert bias == pytest.approx(2.0)


def test_it_is_rebuilt_from_its_config():
    layer = LogitScale(20.0, initial_bias=-3.0, trainable=False)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert float(again.scale) == pytest.approx(20.0)
    assert float(again.bias) == -3.0
    assert again.trainable_variables == []


def test_with_a_bias_the_scale_is_free():
    """SigLIP's own models end above CLIP's ceiling of 100."""
    layer = LogitScale(initial_scale=117.3, initial_bias=-12.9)
    optimizer = keras.optimizers.SGD(1e-6)
    optimizer.apply([keras.ops.convert_to_tensor(1.0)], [layer.log_scale])
    assert float(layer.scale) == pytest.approx(117.3, rel=1e-4)
