import keras
import numpy as np
import pytest
from tiny_models import tiny_batch, tiny_dual_encoder

from kclip.losses import ContrastiveLoss
from kclip.training.common.optimizer import TowerAdam, TowerAdamW, compile_model

RATE, DECAY = 0.01, 0.1
RNG = np.random.default_rng(0)
STARTS = [RNG.normal(size=(3, 2)), RNG.normal(size=4), RNG.normal(size=(2, 2))]
FACTORS = [1.0, 0.1, 3.0]
STEPS = [[RNG.normal(size=start.shape) for start in STARTS] for _ in range(5)]


def slow_adamw(start, gradients, rate):
    """Loshchilov and Hutter 2019, Algorithm 2, in float64; decay times the rate as in Keras."""
    weight, mean, square = start.astype("float64"), 0.0, 0.0
    for step, gradient in enumerate(gradients, start=1):
        weight = weight - rate * DECAY * weight
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        mean_hat, square_hat = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        weight = weight - rate * mean_hat / (np.sqrt(square_hat) + 1e-7)
    return weight


def test_each_variable_moves_at_its_own_rate():
    variables = [keras.Variable(start.astype("float32")) for start in STARTS]
    optimizer = TowerAdamW(RATE, weight_decay=DECAY)
    optimizer.build(variables)
    for variable, factor in zip(variables[1:], FACTORS[1:], strict=True):
        optimizer.scale_learning_rate([variable], factor)
    for gradients in STEPS:
        optimizer.apply([keras.ops.convert_to_tensor(g.astype("float32")) for g in gradients])
    for index, variable in enumerate(variables):
        expected = slow_adamw(
            STARTS[index], [gradients[index] for gradients in STEPS], RATE * FACTORS[index]
        )
        np.testing.assert_allclose(np.asarray(variable), expected, rtol=1e-4, atol=1e-5)


def regression():
    """Two layers of one weight each, in a row: y = b (a x)."""
    model = keras.Sequential(
        [keras.Input((1,)), *(keras.layers.Dense(1, use_bias=False, name=n) for n in "ab")]
    )
    model.set_weights([np.array([[0.5]]), np.array([[2.0]])])
    return model


X, Y = np.array([[1.0], [2.0]], "float32"), np.array([[3.0], [-1.0]], "float32")


def slow_regression(steps, factor):
    """AdamW of both weights by the derivatives of the mean squared error."""
    weights = [0.5, 2.0]
    moments = [[0.0, 0.0], [0.0, 0.0]]
    for step in range(1, steps + 1):
        a, b = weights
        slope = np.mean(2 * (b * a * X - Y) * X)
        for index, (gradient, rate) in enumerate([(slope * b, RATE), (slope * a, RATE * factor)]):
            mean, square = moments[index]
            mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
            moments[index] = [mean, square]
            move = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-7)
            weights[index] += -rate * DECAY * weights[index] - rate * move
    return weights


@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "loss_scale"])
def test_fit_uses_the_factors(scaled):
    model, optimizer = regression(), TowerAdamW(RATE, weight_decay=DECAY)
    outer = keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer
    model.compile(outer, loss="mse")
    outer.build(model.trainable_variables)
    optimizer.scale_learning_rate(model.get_layer("b").trainable_variables, 0.1)
    model.fit(X, Y, batch_size=2, epochs=6, verbose=0)
    ended = [float(w[0, 0]) for w in model.get_weights()]
    assert ended == pytest.approx(slow_regression(6, 0.1), rel=1e-4)


def test_a_loss_scale_put_around_it_later_keeps_the_factors():
    """What `compile` does under mixed_float16 to an optimizer that is built already."""
    variable, other = keras.Variable([1.0]), keras.Variable([1.0])
    optimizer = TowerAdamW(RATE, weight_decay=0.0)
    optimizer.build([variable, other])
    optimizer.scale_learning_rate([other], 0.1)
    keras.optimizers.LossScaleOptimizer(optimizer).build([variable, other])
    optimizer.apply([keras.ops.convert_to_tensor([1.0])] * 2, [variable, other])
    moved = [1 - float(np.asarray(v)[0]) for v in (variable, other)]
    assert moved == pytest.approx([RATE, 0.1 * RATE], rel=1e-3)


def test_a_tower_with_a_rate_of_zero_stays():
    model = tiny_dual_encoder(dropout=0.0)
    optimizer = TowerAdamW(1e-2, weight_decay=DECAY)
    model.compile(optimizer, loss=ContrastiveLoss())
    model.optimizer.build(model.trainable_variables)
    optimizer.scale_learning_rate(model.text_encoder.trainable_variables, 0.0)
    tower = [np.asarray(v) for v in model.text_encoder.trainable_variables]
    head = np.asarray(model.text_projection.projection.kernel)
    model.fit(tiny_batch(), np.arange(6), batch_size=6, epochs=2, verbose=0)
    for variable, before in zip(model.text_encoder.trainable_variables, tower, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), before)
    assert not np.allclose(np.asarray(model.text_projection.projection.kernel), head, atol=1e-4)


def test_adam_with_decay_in_the_gradient_is_the_slow_loop():
    """Kingma and Ba 2015, Algorithm 1, on gradient + decay * weight; vectors do not decay."""
    from kclip.training.common.optimizer import TowerAdam

    matrix = keras.Variable(np.array([[0.5, -2.0]], "float32"))
    vector = keras.Variable(np.array([0.5, -2.0], "float32"))
    optimizer = TowerAdam(0.1, weight_decay=0.3)
    optimizer.exclude_from_weight_decay([vector])
    optimizer.build([matrix, vector])
    expected = {0.3: np.array([0.5, -2.0]), 0.0: np.array([0.5, -2.0])}
    moments = {decay: (np.zeros(2), np.zeros(2)) for decay in expected}
    for step in range(1, 4):
        gradient = np.array([0.2, -0.1]) * step
        given = keras.ops.convert_to_tensor(gradient.astype("float32"))
        optimizer.apply([given[None], given])
        for decay, weight in expected.items():
            first, second = moments[decay]
            whole = gradient + decay * weight
            first, second = 0.9 * first + 0.1 * whole, 0.999 * second + 0.001 * whole**2
            moments[decay] = first, second
            corrected = first / (1 - 0.9**step), second / (1 - 0.999**step)
            expected[decay] = weight - 0.1 * corrected[0] / (np.sqrt(corrected[1]) + 1e-7)
    np.testing.assert_allclose(np.asarray(matrix)[0], expected[0.3], rtol=1e-4)
    np.testing.assert_allclose(np.asarray(vector), expected[0.0], rtol=1e-4)


@pytest.mark.parametrize("optimizer_class", [keras.optimizers.AdamW, TowerAdamW, TowerAdam])
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_decay_acts_on_matrices_alone(optimizer_class, dtype):
    """Without a gradient only decay can move a weight; TowerAdam takes decay for a gradient."""
    layers = [keras.layers.Dense(3, dtype=dtype), keras.layers.LayerNormalization(dtype=dtype)]
    model = keras.Sequential([keras.Input((2,)), *layers])
    optimizer = optimizer_class(0.1, weight_decay=0.5)
    compile_model(model, optimizer, lambda y, outputs: 0.0 * keras.ops.sum(outputs, axis=-1))
    for variable in model.trainable_variables:
        variable.assign(keras.ops.ones(variable.shape))
    model.train_on_batch(np.zeros((4, 2), "float32"), np.zeros((4, 1), "float32"))
    kernel, *vectors = (np.asarray(v) for v in model.trainable_variables)
    assert (kernel < 0.999).all()
    assert len(vectors) == 3 and all((vector == 1).all() for vector in vectors)


def test_of_a_dual_encoder_no_bias_gain_or_scale_decays():
    model = tiny_dual_encoder()
    optimizer = TowerAdamW(RATE, weight_decay=DECAY)
    compile_model(model, optimizer, ContrastiveLoss())
    decaying = [v for v in model.trainable_variables if optimizer._use_weight_decay(v)]
    assert decaying and all(len(v.shape) > 1 for v in decaying)
    assert len(decaying) < len(model.trainable_variables)
