"""The loss of large batches, in blocks, against that of the whole (B, B) logits."""

import keras
import numpy as np
import pytest
from gradients import gradients

from kclip.layers import LogitScale
from kclip.losses import ContrastiveLoss, blocks
from kclip.models.dual_encoder.contrastive_model import ContrastiveModel

RNG = np.random.default_rng(0)
SIZE = 11
IMAGES, TEXTS = RNG.normal(size=(2, SIZE, 5)).astype("float32")
IDS = np.array([3, 1, 3, -7, 1, 3, 8, 9, 10, 8, 2**30])
COUNTED = np.array([1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 0], bool)


def measured(loss, scale, valid_mask, monkeypatch, largest):
    """Value and all gradients, in blocks of 4 above a batch of `largest`."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)
    monkeypatch.setattr(blocks, "LARGEST_WHOLE_BATCH", largest)
    ids = keras.ops.convert_to_tensor(IDS)

    def value(images, texts):
        return loss(images, texts, scale, ids=ids, valid_mask=valid_mask)

    of_arrays, of_weights = gradients(value, [IMAGES, TEXTS], scale.trainable_variables)
    return float(value(IMAGES, TEXTS)), of_arrays + of_weights


@pytest.mark.parametrize(
    "valid_mask", [None, COUNTED, np.zeros(SIZE, bool)], ids=["all", "some", "0"]
)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("target", ["hard", "multi_positive"])
def test_blocks_give_the_loss_and_the_gradients_of_the_whole(
    target, smoothing, valid_mask, monkeypatch
):
    loss, scale = ContrastiveLoss(target, smoothing), LogitScale(1.7, initial_bias=-3.0)
    whole, of_whole = measured(loss, scale, valid_mask, monkeypatch, SIZE)
    ours, of_ours = measured(loss, scale, valid_mask, monkeypatch, SIZE - 1)
    assert ours == pytest.approx(whole, rel=1e-5, abs=1e-6)
    for gradient, expected in zip(of_ours, of_whole, strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


def test_a_large_batch_of_the_largest_scale(monkeypatch):
    """At scale 100 logits are far apart, and a sum that forgot its largest would overflow."""
    images, texts = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (IMAGES, TEXTS))
    scale = LogitScale(100.0)
    results = []
    for largest in (SIZE, SIZE - 1):
        monkeypatch.setattr(blocks, "LARGEST_WHOLE_BATCH", largest)
        loss = ContrastiveLoss()
        of_arrays, of_scale = gradients(
            lambda x, t, loss=loss: loss(x, t, scale, ids=IDS), [images, texts], [scale.log_scale]
        )
        results.append(of_arrays + of_scale)
    for ours, expected in zip(*results[::-1], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_soft_targets_are_never_cut_into_blocks(monkeypatch):
    loss, scale = ContrastiveLoss("soft"), LogitScale(1.7)
    whole, _ = measured(loss, scale, None, monkeypatch, SIZE)
    assert measured(loss, scale, None, monkeypatch, SIZE - 1)[0] == whole


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="shapes are known elsewhere")
def test_a_graph_that_does_not_know_the_size_of_its_batch():
    import tensorflow as tf

    loss, scale = ContrastiveLoss("multi_positive", 0.1), LogitScale(1.7)
    rows = tf.TensorSpec((None, 5))

    @tf.function(input_signature=[rows, rows, tf.TensorSpec((None,), tf.int64)])
    def graph(images, texts, ids):
        with tf.GradientTape() as tape:
            tape.watch([images, texts])
            value = loss(images, texts, scale, ids=ids)
        return value, tape.gradient(value, [images, texts])

    for size in (SIZE, 3):
        inputs = IMAGES[:size], TEXTS[:size]
        value, of_inputs = graph(*inputs, IDS[:size])
        expected, _ = gradients(lambda x, t: loss(x, t, scale, ids=IDS[: len(x)]), inputs)
        assert float(value) == pytest.approx(float(loss(*inputs, scale, ids=IDS[:size])), rel=1e-5)
        for ours, theirs in zip(of_inputs, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


class TwoHeads(ContrastiveModel, keras.Model):
    """The least that can be trained by a contrastive loss."""

    def __init__(self):
        inputs = {side: keras.Input((5,), name=side) for side in ("image", "text")}
        outputs = {f"{side}_embeddings": keras.layers.Dense(3)(x) for side, x in inputs.items()}
        super().__init__(inputs, outputs)
        self.logit_scale = LogitScale(1.7, initial_bias=-1.0)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "xla"])
def test_a_training_step_of_keras_on_a_large_batch(jit_compile, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)
    model = TwoHeads()
    start, ended = model.get_weights(), []
    for largest in (SIZE, SIZE - 1):
        monkeypatch.setattr(blocks, "LARGEST_WHOLE_BATCH", largest)
        model.set_weights(start)
        loss = ContrastiveLoss("multi_positive")
        model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=jit_compile)
        model.train_on_batch({"image": IMAGES, "text": TEXTS}, IDS)
        ended.append(model.get_weights())
    for whole, ours in zip(*ended, strict=True):
        np.testing.assert_allclose(ours, whole, atol=1e-5)
    assert not np.allclose(ended[0][0], start[0])
