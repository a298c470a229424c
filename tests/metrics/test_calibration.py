import numpy as np
import pytest

from kclip.metrics.calibration import (
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability_bins,
)
from kclip.metrics.similarity import softmax


@pytest.fixture
def sample():
    """2,000 rows whose labels are drawn from their own probabilities: calibrated by make."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (2000, 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(4, p=row) for row in probabilities])
    return labels, logits


@pytest.mark.parametrize("temperature", [0.1, 1.0, 7.0])
def test_the_temperature_that_spoiled_the_logits_is_found_again(sample, temperature):
    labels, logits = sample
    assert fit_temperature(labels, logits * temperature) == pytest.approx(temperature, rel=0.06)


def test_no_temperature_of_a_fine_grid_is_likelier(sample):
    labels, logits = sample
    best = negative_log_likelihood(labels, logits, fit_temperature(labels, logits))
    grid = [negative_log_likelihood(labels, logits, t) for t in np.geomspace(0.05, 50, 300)]
    assert best <= min(grid) + 1e-9


def test_fitting_mends_calibration_and_leaves_accuracy(sample):
    labels, logits = sample
    sure = 6 * logits
    fitted = softmax(sure, fit_temperature(labels, sure))
    assert expected_calibration_error(labels, softmax(sure)) > 0.2
    assert expected_calibration_error(labels, fitted) < 0.04
    np.testing.assert_array_equal(fitted.argmax(axis=1), logits.argmax(axis=1))


def test_extremes_end_near_the_bounds():
    logits = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert 0.01 <= fit_temperature(np.array([0, 1]), logits) < 0.03
    assert 99 < fit_temperature(np.array([1, 0]), logits) <= 100


def test_calibration_error_equals_a_loop(sample):
    labels, logits = sample
    probabilities = softmax(logits)
    expected = 0.0
    for number in range(15):
        rows = [
            (row.max(), row.argmax() == label)
            for row, label in zip(probabilities, labels, strict=True)
            if number / 15 < row.max() <= (number + 1) / 15
        ]
        if rows:
            confidence, accuracy = np.mean([r[0] for r in rows]), np.mean([r[1] for r in rows])
            expected += len(rows) / len(labels) * abs(confidence - accuracy)
    assert expected_calibration_error(labels, probabilities) == pytest.approx(expected)


def test_confidences_on_an_edge_belong_to_the_lower_bin():
    probabilities = np.array([[0.5, 0.5], [1.0, 0.0], [0.75, 0.25]])
    bins = reliability_bins(np.array([0, 1, 0]), probabilities, num_bins=4)
    assert [row["num_images"] for row in bins] == [0, 1, 1, 1]
    assert bins[0]["accuracy"] is None and bins[3]["accuracy"] == 0.0
    assert (bins[1]["lower"], bins[1]["upper"]) == (0.25, 0.5)


@pytest.mark.parametrize("function", [expected_calibration_error, fit_temperature])
@pytest.mark.parametrize("labels", [np.zeros(3, int), np.zeros(0, int), np.zeros((2, 1), int)])
def test_shapes_that_do_not_belong_together(function, labels):
    scores = np.full((min(len(labels), 2), 4), 0.25)
    with pytest.raises(ValueError, match="expected .N,. labels"):
        function(labels, scores)
