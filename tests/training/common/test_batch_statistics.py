import keras
import numpy as np
import pytest

from kclip.training.common import batch_statistics
from kclip.training.common.batch_statistics import fit_momentum, set_exact_statistics


def built(**options):
    layer = keras.layers.BatchNormalization(center=False, scale=False, **options)
    layer.build((None, 5))
    return layer


def test_statistics_of_features_are_exact_and_stay(monkeypatch):
    monkeypatch.setattr(batch_statistics, "ROWS_AT_ONCE", 7)
    features = np.random.default_rng(0).normal(3, 2, (2, 20, 5)).astype("float32")
    layer = built(epsilon=1e-9)
    set_exact_statistics(layer, features)
    rows = features.reshape(40, 5).astype("float64")
    np.testing.assert_allclose(np.asarray(layer.moving_mean), rows.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(layer.moving_variance), rows.var(axis=0), rtol=1e-5)
    outputs = np.asarray(layer(features[0, :3], training=True))
    expected = (features[0, :3] - rows.mean(axis=0)) / rows.std(axis=0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(np.asarray(layer.moving_mean), rows.mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize(
    ("steps", "momentum"), [(1, 0.0), (50, 0.8), (200, 0.95), (1000, 0.99), (10**6, 0.99)]
)
def test_a_running_average_spans_a_tenth_of_the_training(steps, momentum):
    trained, frozen = built(), built(trainable=False)
    fit_momentum([trained, frozen, keras.layers.Dropout(0.1)], steps)
    assert trained.momentum == pytest.approx(momentum) and frozen.momentum == 0.99


def test_after_a_short_training_the_average_is_near_the_data():
    inputs = np.random.default_rng(0).normal(5, 3, (64, 5)).astype("float32")
    layer = built()
    fit_momentum([layer], steps=40)
    for _ in range(40):
        layer(inputs, training=True)
    np.testing.assert_allclose(np.asarray(layer.moving_mean), inputs.mean(axis=0), rtol=1e-3)
