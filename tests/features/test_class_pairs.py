import numpy as np
import pytest

from kclip.features.class_pairs import TEMPLATES, ClassPairs
from kclip.models.towers.application_weights import Classifier

NUM_CLASSES, DIM = 5, 8


@pytest.fixture(scope="module")
def gaussians():
    """Classes of one covariance, and the classifier that is the best possible for them."""
    rng = np.random.default_rng(0)
    means = 2 * rng.normal(size=(NUM_CLASSES, DIM))
    spread = rng.normal(size=(DIM, DIM)) / 2
    labels = rng.integers(NUM_CLASSES, size=4000)
    images = means[labels] + rng.normal(size=(4000, DIM)) @ spread
    within = spread.T @ spread
    kernel = np.linalg.solve(within, means.T)
    bias = -0.5 * (means.T * kernel).sum(axis=0)
    return means, within, images, Classifier(kernel, bias)


@pytest.fixture(scope="module")
def pairs(gaussians):
    means, within, images, classifier = gaussians
    rows = np.arange(NUM_CLASSES * len(TEMPLATES))
    text = {"text_features": np.stack([rows % NUM_CLASSES, rows], axis=1)}
    return ClassPairs(images, text, classifier, (within @ classifier.kernel).T, images.min(0))


def test_probabilities_are_a_softmax(gaussians):
    classifier = gaussians[3]
    features = np.array([[1e3] * DIM, [0.0] * DIM])
    logits = features @ classifier.kernel + classifier.bias
    expected = [np.exp(row - row.max()) / np.exp(row - row.max()).sum() for row in logits]
    np.testing.assert_allclose(classifier.probabilities(features), expected, rtol=1e-9)


def test_features_move_along_the_difference_of_the_true_means(gaussians, pairs):
    """With the covariance within classes, the step is three times that difference exactly."""
    means, _, images, classifier = gaussians
    inputs, ids = pairs.draw(400, np.random.default_rng(1))
    moved, classes = inputs["image_features"], -1 - ids
    free = (moved > images.min(axis=0) + 1e-3).all(axis=1)
    steps = [
        np.abs(images + 3 * (means[c] - classifier.probabilities(images) @ means) - row).max(1)
        for row, c in zip(moved[free][:20], classes[free][:20], strict=True)
    ]
    assert free.sum() > 20
    assert np.max([distance.min() for distance in steps]) < 1e-4


def test_the_classifier_calls_moved_features_by_their_class(pairs, gaussians):
    inputs, ids = pairs.draw(1000, np.random.default_rng(2))
    said = gaussians[3].probabilities(inputs["image_features"]).argmax(axis=1)
    assert (said == -1 - ids).mean() > 0.5  # by chance a fifth


def test_texts_are_prompts_of_the_class_and_ids_no_images(pairs):
    inputs, ids = pairs.draw(300, np.random.default_rng(3))
    assert (ids < 0).all()
    classes, prompts = inputs["text_features"].T
    np.testing.assert_array_equal(classes, -1 - ids)
    assert len(set(prompts // NUM_CLASSES)) == len(TEMPLATES)


def test_no_feature_falls_below_the_least_of_an_image(pairs, gaussians):
    inputs, _ = pairs.draw(300, np.random.default_rng(4))
    assert (inputs["image_features"] >= gaussians[2].min(axis=0) - 1e-5).all()
