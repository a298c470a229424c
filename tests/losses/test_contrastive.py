import json
import math

import keras
import numpy as np
import pytest
from gradients import gradients

from kclip.layers import LogitScale
from kclip.losses import ContrastiveLoss

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(6, 4)).astype("float32")
TEXTS = RNG.normal(size=(6, 4)).astype("float32")
IDS = np.array([3, 1, 3, 7, 1, 3])
SCALE = 1.7


def softmax(values):
    top = max(values)
    total = sum(math.exp(v - top) for v in values)
    return [math.exp(v - top) / total for v in values]


def slow_loss(images, texts, ids, target, smoothing=0.0):
    """Both directions as loops over rows and columns, in float64."""
    images, texts = images.astype("float64"), texts.astype("float64")
    rows = range(len(images))
    logits = [[SCALE * sum(images[i] * texts[j]) for j in rows] for i in rows]  # image i, text j
    wanted = slow_targets(images, texts, ids, target)
    total = 0.0
    for k in rows:
        image_row = softmax([logits[k][j] for j in rows])
        text_row = softmax([logits[i][k] for i in rows])
        for other in rows:
            of_image = (1 - smoothing) * wanted[k][other] + smoothing / len(rows)
            of_text = (1 - smoothing) * wanted[other][k] + smoothing / len(rows)
            total -= of_image * math.log(image_row[other]) + of_text * math.log(text_row[other])
    return total / len(rows) / 2


def slow_targets(images, texts, ids, target):
    """What the pair of image i and text j is held against, as [i][j]."""
    rows = range(len(images))
    if target == "hard":
        return [[float(i == j) for j in rows] for i in rows]
    if target == "multi_positive":
        return [[float(ids[i] == ids[j]) / list(ids).count(ids[i]) for j in rows] for i in rows]
    # keras.io, nl_image_search: texts are rows there, and each row is a distribution over images
    of_texts = [
        softmax([SCALE * (sum(texts[k] * texts[i]) + sum(images[k] * images[i])) / 2 for i in rows])
        for k in rows
    ]
    return [[of_texts[j][i] for j in rows] for i in rows]


@pytest.mark.parametrize("target", ["hard", "multi_positive", "soft"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_that_of_the_slow_loop(target, smoothing):
    loss = ContrastiveLoss(target, label_smoothing=smoothing)
    value = loss(IMAGES, TEXTS, LogitScale(SCALE), ids=IDS)
    assert float(value) == pytest.approx(slow_loss(IMAGES, TEXTS, IDS, target, smoothing), rel=1e-5)


@pytest.mark.parametrize("target", ["hard", "multi_positive", "soft"])
def test_the_gradient_is_the_slope_of_the_slow_loop(target):
    """Through the soft targets too, as in keras.io's example."""
    loss, scale = ContrastiveLoss(target), LogitScale(SCALE)
    (of_images, of_texts), _ = gradients(lambda x, t: loss(x, t, scale, ids=IDS), [IMAGES, TEXTS])
    direction, other = RNG.normal(size=(2, *IMAGES.shape))
    step = 1e-4
    ahead, behind = (
        slow_loss(IMAGES + sign * step * direction, TEXTS + sign * step * other, IDS, target)
        for sign in (1, -1)
    )
    slope = np.sum(of_images * direction) + np.sum(of_texts * other)
    assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-4, abs=1e-5)


def test_with_distinct_ids_multi_positive_is_hard():
    ids = np.array([5, 3, 0, 9, 2, 4])
    hard, multi = (
        float(ContrastiveLoss(target)(IMAGES, TEXTS, LogitScale(SCALE), ids=ids))
        for target in ("hard", "multi_positive")
    )
    assert multi == pytest.approx(hard, rel=1e-6)


def test_siblings_are_no_negatives_of_each_other():
    """Two captions of one image, both equal to it: nothing is left to learn but to share."""
    pairs = np.repeat(np.eye(3, dtype="float32"), 2, axis=0)
    ids = np.array([0, 0, 1, 1, 2, 2])
    loss = ContrastiveLoss("multi_positive")(pairs, pairs, LogitScale(100.0), ids=ids)
    assert float(loss) == pytest.approx(math.log(2), rel=1e-5)


def test_half_precision_embeddings_give_a_float32_loss():
    half = keras.ops.cast(IMAGES, "float16")
    loss = ContrastiveLoss()(half, half, LogitScale(100.0), ids=IDS)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert np.isfinite(float(loss))


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", ["clip14", "clip100"])
@pytest.mark.parametrize("target", ["hard", "multi_positive"])
def test_golden_clip_loss(goldens, case, target):
    with np.load(goldens / "clip_loss.npz") as file:
        z = dict(file)
    scale = LogitScale(json.loads(str(z["meta"]))["cases"][case]["logit_scale"])
    ids = np.arange(len(z["image_features"]))
    loss = ContrastiveLoss(target)

    def normalised(images, texts):
        return loss(images, texts, scale, ids=ids)

    def raw(images, texts):
        unit = keras.layers.UnitNormalization()
        return loss(unit(images), unit(texts), scale, ids=ids)

    features = [z["image_features"], z["text_features"]]
    assert float(normalised(*features)) == pytest.approx(float(z[f"{case}.loss"]), rel=1e-5)
    logits = scale(features[0] @ features[1].T)
    np.testing.assert_allclose(np.asarray(logits), z[f"{case}.logits_per_image"], atol=5e-5)
    np.testing.assert_allclose(np.asarray(logits).T, z[f"{case}.logits_per_text"], atol=5e-5)

    (images, texts), (log_scale,) = gradients(normalised, features, [scale.log_scale])
    close(images, z[f"{case}.grad_image"])
    close(texts, z[f"{case}.grad_text"])
    close(log_scale, z[f"{case}.grad_log_scale"])
    close(log_scale / np.asarray(scale.scale), z[f"{case}.grad_scale"])

    (images, texts), _ = gradients(raw, [z["image_raw"], z["text_raw"]])
    close(images, z[f"{case}.grad_image_raw"])
    close(texts, z[f"{case}.grad_text_raw"])
