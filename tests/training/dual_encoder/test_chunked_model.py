import keras
import numpy as np
import pytest
from tiny_models import tiny_batch, tiny_dual_encoder

from kclip.losses import ContrastiveLoss
from kclip.training.dual_encoder.chunked_model import ChunkedModel

BATCH, IDS = tiny_batch(6), np.array([0, 1, 2, 0, 3, 4])
LOSS = ContrastiveLoss("multi_positive")


def step(model, optimizer=None, batch=BATCH):
    """The loss, and the weights after one step of SGD at rate 1, less those before."""
    before = [np.array(w) for w in model.trainable_variables]
    model.compile(optimizer or keras.optimizers.SGD(1.0), LOSS)
    loss = model.train_on_batch(batch, IDS)
    return float(loss), [
        np.array(w) - b for w, b in zip(model.trainable_variables, before, strict=True)
    ]


def assert_close(ours, expected, atol):
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=atol)


def without_batch_norm(dtype="float32", **kwargs):
    """Batch normalisation sees a chunk instead of the batch, so it is held in inference mode."""
    model = tiny_dual_encoder(dtype, **kwargs)
    for layer in model.image_encoder._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return model


float16 = pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX on CPUs lacks the float16 products"
)


@pytest.mark.parametrize("chunk_size", [1, 2, 6])
def test_a_step_in_chunks_is_the_step_of_the_whole_batch(chunk_size):
    model = without_batch_norm(dropout=0.0)
    start = model.get_weights()
    loss, expected = step(model)
    model.set_weights(start)
    ours, moved = step(ChunkedModel(model, chunk_size))
    assert ours == pytest.approx(loss, rel=1e-5)
    assert_close(moved, expected, 1e-4)
    assert sum(np.abs(change).max() > 1e-4 for change in moved) > 10


def test_each_chunk_draws_its_own_dropout_and_the_second_pass_draws_the_same():
    """The slope of the loss along a direction is that of the gradient, the masks held fixed."""
    model = without_batch_norm(dropout=0.3)
    chunked = ChunkedModel(model, 2)
    chunked.compile(keras.optimizers.SGD(1.0), LOSS)
    start = model.get_weights()
    seeds = [v for v in model.non_trainable_variables if "seed" in v.name]
    states = [np.array(seed) for seed in seeds]

    def replayed(weights):
        model.set_weights(weights)
        for seed, state in zip(seeds, states, strict=True):
            seed.assign(state)
        return float(chunked.train_on_batch(BATCH, IDS))

    replayed(start)
    before = {id(w): value for w, value in zip(model.weights, start, strict=True)}
    moved = [np.array(w) - before[id(w)] for w in model.weights]
    assert all(np.any(np.array(s) != state) for s, state in zip(seeds, states, strict=True))
    step, slope = 1e-3, sum(np.sum(change**2) for change in moved) ** 0.5
    ahead, behind = (
        replayed([w + sign * step / slope * m for w, m in zip(start, moved, strict=True)])
        for sign in (1, -1)
    )
    assert (behind - ahead) / (2 * step) == pytest.approx(slope, rel=0.02)
    same = {name: np.repeat(x[:1], 6, axis=0) for name, x in BATCH.items()}
    embeddings = np.asarray(chunked(same, training=True)["image_embeddings"])
    assert len(np.unique(embeddings.round(5), axis=0)) == 6


def test_batch_statistics_take_one_step_by_the_mean_of_the_chunks():
    model = tiny_dual_encoder(dropout=0.0)
    names = [v for v in model.non_trainable_variables if "moving" in v.name]
    before = [np.array(v) for v in names]
    steps = []
    for rows in (slice(0, 3), slice(3, 6)):
        model({name: x[rows] for name, x in BATCH.items()}, training=True)
        steps.append([np.array(v) for v in names])
        for v, value in zip(names, before, strict=True):
            v.assign(value)
    ChunkedModel(model, 3)(BATCH, training=True)
    for v, one, other, value in zip(names, *steps, before, strict=True):
        np.testing.assert_allclose(np.array(v), (one + other) / 2, rtol=1e-4, atol=1e-5)
        assert not np.allclose(np.array(v), value)


@float16
def test_float16_takes_the_step_of_the_whole_batch_in_float16():
    """A loss scale that one of the two passes forgot would change the step 64 times."""
    model = without_batch_norm("mixed_float16", dropout=0.0)
    start, steps = model.get_weights(), []
    for trained in (model, ChunkedModel(model, 2)):
        model.set_weights(start)
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), 64.0)
        steps.append(step(trained, optimizer)[1])
    size = max(np.abs(change).max() for change in steps[0])
    assert size > 1e-3
    assert_close(steps[1], steps[0], 0.02 * size)


def test_evaluation_and_prediction_are_the_models():
    model = tiny_dual_encoder()
    chunked = ChunkedModel(model, 4)  # does not divide the batch, and need not
    ours, expected = chunked.predict(BATCH, verbose=0), model.predict(BATCH, verbose=0)
    for side in expected:
        np.testing.assert_allclose(ours[side], expected[side], atol=1e-6)
    with pytest.raises(ValueError, match="batch of 6 is not made of chunks of 4"):
        chunked(BATCH, training=True)


@pytest.mark.parametrize(("size", "chunk_size"), [(6, 2), (5, 2), (3, 4), (1, 1)])
def test_measuring_is_the_models_own_and_never_sees_more_than_a_chunk(size, chunk_size):
    model = tiny_dual_encoder()
    batch = tiny_batch(size)
    expected = model(batch, training=False)
    seen = []

    def noted(inputs, training=None, call=model.call, **kwargs):
        seen.append(inputs["image"].shape[0])
        return call(inputs, training=training, **kwargs)

    model.call = noted
    ours = ChunkedModel(model, chunk_size)(batch, training=False)
    assert set(seen) == {chunk_size}
    for side, embeddings in expected.items():
        assert ours[side].shape == embeddings.shape
        np.testing.assert_allclose(
            np.asarray(ours[side]), np.asarray(embeddings), rtol=1e-4, atol=1e-5
        )


def test_the_last_smaller_batch_of_a_validation_is_measured_in_chunks():
    chunked = ChunkedModel(tiny_dual_encoder(), 4)
    chunked.compile(keras.optimizers.SGD(1.0), LOSS)
    expected = LOSS(
        **chunked.model(BATCH, training=False), logit_scale=chunked.logit_scale, ids=IDS
    )
    ours = chunked.test_on_batch(BATCH, IDS)
    assert float(ours) == pytest.approx(float(expected), rel=1e-4)
