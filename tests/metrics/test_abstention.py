import numpy as np
import pytest
from scipy.stats import binom

from kclip.metrics.abstention import coverage_curve, threshold_for_accuracy
from kclip.metrics.similarity import softmax


@pytest.fixture
def sample():
    """Labels and probabilities of 600 rows, of which the surer ones are right more often."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 600)
    return labels, softmax(2 * np.eye(4)[labels] + rng.normal(size=(600, 4)))


def test_coverage_equals_a_loop_over_thresholds(sample):
    labels, probabilities = sample
    # So that confidences of images tie, while the classes of one image do not.
    probabilities = probabilities.round(2) + 1e-6 * np.arange(4)
    thresholds, coverage, accuracy = coverage_curve(labels, probabilities)
    assert len(thresholds) == len(set(probabilities.max(axis=1)))
    assert coverage[-1] == 1.0
    for threshold, fraction, right in zip(thresholds, coverage, accuracy, strict=True):
        answered = probabilities.max(axis=1) >= threshold
        assert fraction == answered.mean()
        assert right == (probabilities.argmax(axis=1) == labels)[answered].mean()


def chance_of_so_many(right, answered, accuracy):
    """How likely a classifier of this accuracy gets as many right."""
    return binom.sf(right - 1, answered, accuracy)


def test_the_threshold_answers_as_much_as_the_bound_allows(sample):
    labels, probabilities = sample
    confidences, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    chosen = threshold_for_accuracy(labels, probabilities, 0.9)
    answered = confidences >= chosen.threshold
    assert (chosen.num_answered, chosen.num_right) == (answered.sum(), right[answered].sum())
    assert chosen.num_images == 600 and 0.9 <= chosen.bound < right[answered].mean()
    # Were the accuracy the bound, so many right ones would come in 5 % of the cases.
    chance = chance_of_so_many(chosen.num_right, chosen.num_answered, chosen.bound)
    assert chance == pytest.approx(0.05)
    for lower in confidences[confidences < chosen.threshold]:
        below = confidences >= lower
        assert chance_of_so_many(right[below].sum(), below.sum(), 0.9) > 0.05


def test_few_images_promise_little():
    probabilities = np.tile([0.9, 0.1], (20, 1))
    # 0.05 to the power of 1/20 is 86 %.
    assert threshold_for_accuracy(np.zeros(20, int), probabilities, 0.9) is None
    assert threshold_for_accuracy(np.zeros(20, int), probabilities, 0.86).threshold == 0.9


def test_the_chosen_threshold_keeps_its_promise_on_other_images():
    """On 300 images each, the accuracy of all images above the threshold is known exactly."""
    rng = np.random.default_rng(1)
    missed, found = 0, 0
    for _ in range(200):
        confidences = rng.uniform(0.5, 1, 300)
        labels = (rng.random(300) >= confidences - 0.05).astype(int)  # it is too sure of itself
        chosen = threshold_for_accuracy(labels, np.stack([confidences, 1 - confidences], 1), 0.75)
        if chosen is not None:
            found += 1
            missed += (1 + chosen.threshold) / 2 - 0.05 < 0.75
    assert found > 150
    assert missed / found < 0.1  # nearly 0.6 where the accuracy itself had to reach it
