import keras
import numpy as np
import pytest

from kclip.training.common.averaging import averaged_weights, use_averaged_weights
from kclip.training.common.optimizer import TowerAdamW

INPUTS = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
TARGETS = INPUTS.sum(axis=1, keepdims=True)


def trained(dtype="float32", ema=0.5):
    """A dense layer after four steps, and its weights after each of them."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, dtype=dtype)])
    optimizer = TowerAdamW(0.1, use_ema=ema > 0, ema_momentum=ema)
    model.compile(optimizer, loss="mse")
    path = []
    remember = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: path.append(np.array(model.layers[0].kernel))
    )
    model.fit(INPUTS, TARGETS, batch_size=32, epochs=4, verbose=0, callbacks=[remember])
    return model, path


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_averages_are_those_of_the_slow_loop_and_leave_again(dtype):
    model, path = trained(dtype)
    average = path[0]
    for step, kernel in enumerate(path[1:], start=1):
        momentum = min(0.5, (1 + step) / (10 + step))
        average = momentum * average + (1 - momentum) * kernel
    kernel = model.layers[0].kernel
    # `fit` has left the trained weights, where Keras' own optimizers put the averages.
    np.testing.assert_allclose(np.array(kernel), path[-1])
    with averaged_weights(model):
        np.testing.assert_allclose(np.array(kernel), average, rtol=1e-5)
    np.testing.assert_allclose(np.array(kernel), path[-1])
    use_averaged_weights(model)
    np.testing.assert_allclose(np.array(kernel), average, rtol=1e-5)


def test_without_averages_or_steps_nothing_changes():
    model, path = trained(ema=0.0)
    with averaged_weights(model):
        np.testing.assert_array_equal(np.array(model.layers[0].kernel), path[-1])
    new = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    new.compile(TowerAdamW(0.1, use_ema=True))
    before = np.array(new.layers[0].kernel)
    use_averaged_weights(new)
    np.testing.assert_array_equal(np.array(new.layers[0].kernel), before)


def test_a_long_average_forgets_where_a_short_training_began():
    """Of the momentum 0.9997, which is 3,333 steps long, after 50 steps."""
    variable = keras.Variable(1.0)
    optimizer = TowerAdamW(0.0, weight_decay=0.0, use_ema=True, ema_momentum=0.9997)
    optimizer.build([variable])
    zero = keras.ops.convert_to_tensor(0.0)
    optimizer.apply([zero])
    variable.assign(0.0)
    left = 1.0
    for step in range(1, 51):
        optimizer.apply([zero])
        left *= (1 + step) / (10 + step)
    average = float(optimizer._model_variables_moving_average[0])
    assert average == pytest.approx(left, rel=1e-3) and average < 1e-4
