import math

import keras
import numpy as np
import pytest
from gradients import gradients

from kclip.layers import LogitScale
from kclip.losses import AsymmetricLoss, ContrastiveLoss, JointLoss

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 4)).astype("float32")
LABELS = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 1], [0] * 4, [0, 1, 0, 0], [0, 0, 1, 0]])
IDS = np.array([0, 1, 0, -1, 1, 2])  # equal for equal rows of labels, -1 for none
IMAGES, TEXTS = RNG.normal(size=(2, 6, 5)).astype("float32")
SCALE = 1.7


def slow_classification(ignored=()):
    """Ben-Baruch et al. 2021 with gamma 4 and 0 and clip 0.05, over the batch size."""
    total = 0.0
    for image, (row, labels) in enumerate(zip(LOGITS.astype(float), LABELS, strict=True)):
        for column, (logit, label) in enumerate(zip(row, labels, strict=True)):
            if (image, column) in ignored:
                continue
            probability = 1 / (1 + math.exp(-logit))
            shifted = min(1 - probability + 0.05, 1)
            positive, negative = math.log(probability), (1 - shifted) ** 4 * math.log(shifted)
            total -= positive if label else negative
    return total / len(LOGITS)


def slow_alignment():
    """CLIP's loss among the five images that have a label, as if the sixth were not there."""
    rows = [row for row in range(6) if LABELS[row].any()]
    total = 0.0
    for way in (IMAGES @ TEXTS.T, TEXTS @ IMAGES.T):
        for i in rows:
            logits = {j: SCALE * float(way[i, j]) for j in rows}
            normaliser = math.log(sum(math.exp(value) for value in logits.values()))
            alike = [j for j in rows if (LABELS[j] == LABELS[i]).all()]
            total -= sum(logits[j] - normaliser for j in alike) / len(alike)
    return total / len(rows) / 2


def joint(alpha, beta, images=IMAGES, logits=LOGITS, ids=IDS):
    targets = {"labels": LABELS, "text_embeddings": TEXTS, "ids": ids}
    outputs = {"logits": logits, "image_embeddings": images}
    return JointLoss(alpha, beta)(targets, outputs, LogitScale(SCALE))


@pytest.mark.parametrize(("alpha", "beta"), [(1, 1), (0.3, 2), (0, 1), (1, 0)])
def test_the_loss_is_that_of_the_slow_loops(alpha, beta):
    losses = {name: float(value) for name, value in joint(alpha, beta).items()}
    expected = alpha * slow_alignment() + beta * slow_classification()
    assert losses["loss"] == pytest.approx(expected, rel=1e-5)
    assert losses["classification_loss"] == pytest.approx(slow_classification(), rel=1e-5)
    if alpha:
        assert losses["alignment_loss"] == pytest.approx(slow_alignment(), rel=1e-5)


def test_without_alignment_neither_texts_nor_embeddings_are_needed():
    losses = JointLoss(alpha=0.0)({"labels": LABELS}, {"logits": LOGITS}, logit_scale=None)
    assert set(losses) == {"loss", "classification_loss"}


def test_ignored_labels_cost_nothing():
    ignored = [(0, 0), (0, 1), (3, 2), (5, 3)]
    valid_mask = np.ones(LABELS.shape, bool)
    valid_mask[tuple(np.transpose(ignored))] = False
    targets = {"labels": LABELS, "valid_mask": valid_mask}
    losses = JointLoss(alpha=0.0)(targets, {"logits": LOGITS}, None)
    assert float(losses["loss"]) == pytest.approx(slow_classification(ignored), rel=1e-5)
    assert float(losses["loss"]) != pytest.approx(slow_classification(), rel=1e-2)


def test_an_image_without_labels_has_no_gradient_from_the_alignment():
    def loss(images):
        return joint(1.0, 0.0, images)["loss"]

    (of_images,), _ = gradients(loss, [IMAGES])
    assert np.array_equal(of_images[3], np.zeros(5))
    assert np.abs(np.delete(of_images, 3, axis=0)).min() > 0


def test_a_batch_without_any_label_costs_nothing_and_is_finite():
    losses = joint(1.0, 0.0, ids=np.full(6, -1))
    assert float(losses["loss"]) == 0.0


def test_twice_the_batch_costs_the_same():
    targets = {"labels": np.tile(LABELS, (2, 1))}
    twice = JointLoss(0.0)(targets, {"logits": np.tile(LOGITS, (2, 1))}, None)["loss"]
    assert float(twice) == pytest.approx(slow_classification(), rel=1e-5)


@pytest.mark.parametrize("target", ["hard", "soft", "multi_positive"])
def test_rows_that_do_not_count_might_as_well_be_absent(target):
    """In every form of the contrastive loss, smoothed too."""
    loss = ContrastiveLoss(target, label_smoothing=0.1)
    valid_mask = IDS >= 0
    masked = loss(IMAGES, TEXTS, LogitScale(SCALE), ids=IDS, valid_mask=valid_mask)
    absent = loss(IMAGES[valid_mask], TEXTS[valid_mask], LogitScale(SCALE), ids=IDS[valid_mask])
    assert float(masked) == pytest.approx(float(absent), rel=1e-5)


def test_the_classification_is_any_asymmetric_loss():
    loss = JointLoss(0.0, classification=AsymmetricLoss(0.0, 0.0, 0.0))
    value = loss({"labels": LABELS}, {"logits": LOGITS}, None)["loss"]
    entropy = keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum")
    # Keras means over the classes.
    assert float(value) == pytest.approx(float(entropy(LABELS, LOGITS)) * 4 / 6, rel=1e-4)
