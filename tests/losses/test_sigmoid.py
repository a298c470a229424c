import json
import math

import keras
import numpy as np
import pytest
from gradients import gradients

from kclip.layers import LogitScale
from kclip.losses import SigmoidLoss, blocks

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(5, 4)).astype("float32")
TEXTS = RNG.normal(size=(5, 4)).astype("float32")


def slow_loss(images, texts, ids, scale, bias):
    total = 0.0
    for i, image in enumerate(images.astype("float64")):
        for j, text in enumerate(texts.astype("float64")):
            logit = scale * sum(image * text) + bias
            sign = 1 if ids[i] == ids[j] else -1
            total += math.log1p(math.exp(-sign * logit))
    return total / len(images)


@pytest.mark.parametrize("ids", [[0, 1, 2, 3, 4], [4, 7, 4, 4, 7]], ids=["distinct", "siblings"])
def test_the_loss_is_that_of_the_slow_loop(ids):
    scale = LogitScale(3.0, initial_bias=-2.0)
    loss = SigmoidLoss()(IMAGES, TEXTS, scale, ids=np.array(ids))
    assert float(loss) == pytest.approx(slow_loss(IMAGES, TEXTS, ids, 3.0, -2.0), rel=1e-5)


def test_large_logits_stay_finite():
    loss = SigmoidLoss()(100 * IMAGES, 100 * TEXTS, LogitScale(100.0), ids=np.arange(5))
    assert np.isfinite(float(loss))


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_golden_siglip_loss(goldens):
    with np.load(goldens / "clip_loss.npz") as file:
        z = dict(file)
    case = json.loads(str(z["meta"]))["cases"]["siglip"]
    scale = LogitScale(case["logit_scale"], initial_bias=case["logit_bias"])
    ids = np.arange(len(z["image_features"]))

    def normalised(images, texts):
        return SigmoidLoss()(images, texts, scale, ids=ids)

    def raw(images, texts):
        unit = keras.layers.UnitNormalization()
        return SigmoidLoss()(unit(images), unit(texts), scale, ids=ids)

    features = [z["image_features"], z["text_features"]]
    assert float(normalised(*features)) == pytest.approx(float(z["siglip.loss"]), rel=1e-5)
    logits = np.asarray(scale(features[0] @ features[1].T))
    np.testing.assert_allclose(logits, z["siglip.logits_per_image"], atol=5e-5)

    variables = [scale.log_scale, scale.bias]
    (images, texts), (log_scale, bias) = gradients(normalised, features, variables)
    close(images, z["siglip.grad_image"])
    close(texts, z["siglip.grad_text"])
    close(log_scale, z["siglip.grad_log_scale"])
    close(log_scale / np.asarray(scale.scale), z["siglip.grad_scale"])
    close(bias, z["siglip.grad_bias"])

    (images, texts), _ = gradients(raw, [z["image_raw"], z["text_raw"]])
    close(images, z["siglip.grad_image_raw"])
    close(texts, z["siglip.grad_text_raw"])


@pytest.mark.parametrize("bias", [None, -3.0])
def test_blocks_give_the_loss_and_the_gradients_of_the_whole(bias, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)
    images, texts = RNG.normal(size=(2, 11, 6)).astype("float32")
    ids = keras.ops.convert_to_tensor([3, 1, 3, -7, 1, 3, 8, 9, 10, 8, 2**30])
    scale = LogitScale(1.7, initial_bias=bias)
    results = []
    for largest in (11, 10):
        monkeypatch.setattr(blocks, "LARGEST_WHOLE_BATCH", largest)

        def value(images, texts):
            return SigmoidLoss()(images, texts, scale, ids=ids)

        of_arrays, of_weights = gradients(value, [images, texts], scale.trainable_variables)
        results.append([np.asarray(value(images, texts)), *of_arrays, *of_weights])
    for ours, expected in zip(*results[::-1], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
