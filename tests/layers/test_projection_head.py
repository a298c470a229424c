import math

import keras
import numpy as np
import pytest

from kclip.layers import ProjectionHead

FEATURES = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")


def built(**kwargs):
    """A head none of whose weights has its default."""
    head = ProjectionHead(4, **kwargs)
    head.build(FEATURES.shape)
    rng = np.random.default_rng(1)
    head.set_weights([rng.normal(size=w.shape) for w in head.get_weights()])
    return head


def slow_head(features, weights):
    """The report's head in float64: x = W1 f; y = x + W2 gelu(x); layer normalisation of y."""
    kernel_1, bias_1, kernel_2, bias_2, gamma, beta = (w.astype("float64") for w in weights)
    rows = []
    for row in features.astype("float64"):
        projected = row @ kernel_1 + bias_1
        gelu = np.array([0.5 * x * (1 + math.erf(x / math.sqrt(2))) for x in projected])
        total = projected + gelu @ kernel_2 + bias_2
        variance = np.mean((total - total.mean()) ** 2)
        rows.append(gamma * (total - total.mean()) / math.sqrt(variance + 1e-3) + beta)
    return np.array(rows)


def test_it_is_the_head_of_the_report():
    head = built(dropout=0.5, feature_dropout=0.5)
    expected = slow_head(FEATURES, head.get_weights())
    np.testing.assert_allclose(np.asarray(head(FEATURES)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rates", [{"dropout": 0.5}, {"dropout": 0.0, "feature_dropout": 0.5}])
def test_dropout_acts_in_training_alone(rates):
    head = built(**rates)
    inference = np.asarray(head(FEATURES, training=False))
    np.testing.assert_array_equal(inference, np.asarray(head(FEATURES, training=False)))
    assert not np.allclose(inference, np.asarray(head(FEATURES, training=True)))


def test_without_dropout_training_is_inference():
    head = built(dropout=0.0)
    np.testing.assert_allclose(
        np.asarray(head(FEATURES, training=True)), np.asarray(head(FEATURES)), rtol=1e-6
    )


def test_it_is_rebuilt_from_its_config():
    head = built(dropout=0.25, feature_dropout=0.125)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(head))
    again.set_weights(head.get_weights())
    assert (again.dropout.rate, again.feature_dropout.rate) == (0.25, 0.125)
    np.testing.assert_array_equal(np.asarray(again(FEATURES)), np.asarray(head(FEATURES)))


def test_its_shape_is_known_before_it_runs():
    assert ProjectionHead(4).compute_output_shape((None, 5)) == (None, 4)
    assert keras.ops.shape(ProjectionHead(4)(keras.Input((5,)))) == (None, 4)


def test_half_precision_keeps_its_weights_in_float32():
    head = ProjectionHead(4, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(head(FEATURES).dtype) == "float32"
    assert head.dense.compute_dtype == "bfloat16"
    assert {weight.dtype for weight in head.weights} == {"float32"}


@pytest.mark.parametrize("dtype, tolerance", [("mixed_float16", 0.005), ("mixed_bfloat16", 0.04)])
def test_half_precision_spares_features_far_from_zero(dtype, tolerance):
    # Rounded to bfloat16 before their mean is taken off, these features would be off by up to 2.
    exact, mixed = built(standardize=True), built(standardize=True, dtype=dtype)
    for head in (exact, mixed):
        head.standardization.moving_mean.assign(np.full(5, 500.0))
        head.standardization.moving_variance.assign(np.ones(5))
    outputs = mixed(500 + FEATURES)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    np.testing.assert_allclose(outputs, np.asarray(exact(500 + FEATURES)), atol=tolerance)
