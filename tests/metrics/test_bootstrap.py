import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, precision_recall_fscore_support

from kclip.metrics import bootstrap
from kclip.metrics.bootstrap import (
    METRICS,
    bootstrap_average_precision,
    bootstrap_metrics,
    percentile_interval,
)


def noisy_predictions(labels, num_classes, accuracy, rng):
    wrong = (labels + rng.integers(1, num_classes, len(labels))) % num_classes
    return np.where(rng.random(len(labels)) < accuracy, labels, wrong)


def slow_metrics(labels, predictions):
    """scikit-learn's own figures; its means are over the classes that the labels hold."""
    scores = precision_recall_fscore_support(
        labels, predictions, labels=np.unique(labels), average="macro", zero_division=0.0
    )
    return [accuracy_score(labels, predictions), *scores[:3]]


@pytest.fixture
def three():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 120)
    return labels, np.stack([noisy_predictions(labels, 5, a, rng) for a in (0.9, 0.6, 0.6)])


def test_each_resample_against_scikit_learn(three):
    labels, predictions = three
    rows, counts = np.unique(np.vstack([labels, predictions]), axis=1, return_counts=True)
    draws = np.random.default_rng(7).multinomial(120, counts / 120, size=20)
    values = bootstrap_metrics(labels, predictions, 5, num_resamples=20, seed=7)
    for draw, column in zip(draws, np.stack([values[m] for m in METRICS]).T, strict=True):
        resampled = np.repeat(rows, draw, axis=1)
        for prediction, metrics in zip(resampled[1:], column, strict=True):
            assert metrics == pytest.approx(slow_metrics(resampled[0], prediction), abs=1e-12)


def test_intervals_against_a_slow_loop_over_images(three):
    labels, predictions = three
    rng = np.random.default_rng(1)
    slow = []
    for _ in range(2000):
        rows = rng.integers(0, len(labels), len(labels))
        slow.append([np.mean(p[rows] == labels[rows]) for p in predictions])
    fast = bootstrap_metrics(labels, predictions, 5, num_resamples=2000)["accuracy"]
    for own, other in zip(np.array(slow).T, fast, strict=True):
        assert percentile_interval(other) == pytest.approx(percentile_interval(own), abs=0.015)
    paired, slow_paired = fast[0] - fast[1], np.subtract(*np.array(slow).T[:2])
    assert percentile_interval(paired) == pytest.approx(percentile_interval(slow_paired), abs=0.02)


def test_the_interval_of_an_accuracy_covers_the_truth_as_often_as_it_says():
    rng, truth, covered = np.random.default_rng(3), 0.8, 0
    for trial in range(200):
        labels = rng.integers(0, 4, 300)
        predictions = noisy_predictions(labels, 4, truth, rng)[None]
        values = bootstrap_metrics(labels, predictions, 4, num_resamples=300, seed=trial)
        low, high = percentile_interval(values["accuracy"][0])
        covered += low <= truth <= high
    assert 0.90 <= covered / 200 <= 0.98  # 95 % and three standard errors of 200 trials


def test_blocks_change_nothing_but_memory(three, monkeypatch):
    labels, predictions = three
    whole = bootstrap_metrics(labels, predictions, 5, num_resamples=50)
    monkeypatch.setattr(bootstrap, "MAX_BLOCK_COUNTS", 500)
    blocks = bootstrap_metrics(labels, predictions, 5, num_resamples=50)
    assert all(np.array_equal(whole[name], blocks[name]) for name in METRICS)


def test_a_classifier_compared_with_itself_does_not_differ(three):
    labels, predictions = three
    values = bootstrap_metrics(labels, predictions[[0, 0]], 5)["macro_f1"]
    assert np.array_equal(values[0], values[1])
    assert values[0].std() > 0


def test_a_class_that_is_never_predicted_has_precision_zero():
    labels = np.array([0, 0, 1, 1])
    values = bootstrap_metrics(labels, np.zeros((1, 4), int), 2, num_resamples=200)
    both = values["macro_recall"][0] == 0.5  # resamples that hold both classes
    assert both.sum() > 100
    assert np.allclose(values["macro_precision"][0][both], values["accuracy"][0][both] / 2)


def test_shapes_that_do_not_belong_together():
    with pytest.raises(ValueError, match=r"expected \(N,\) and \(K, N\)"):
        bootstrap_metrics(np.zeros(3, int), np.zeros((2, 4), int), 2)


def test_resampled_average_precision_against_scikit_learn():
    rng = np.random.default_rng(0)
    labels, scores = rng.random((50, 3)) < 0.3, rng.integers(0, 9, (50, 3))  # with ties
    labels[:, 2] = np.arange(50) == 7  # some resamples hold no image of the third class
    valid_mask = rng.random((50, 3)) < 0.9
    valid_mask[7, 2] = True
    draws = np.random.default_rng(3).multinomial(50, np.full(50, 1 / 50), size=20)
    values = bootstrap_average_precision(labels, scores, valid_mask, num_resamples=20, seed=3)
    for draw, row in zip(draws, values, strict=True):
        for column, value in enumerate(row):
            rows = np.repeat(np.arange(50), draw * valid_mask[:, column])
            if not labels[rows, column].any():
                assert np.isnan(value)
                continue
            expected = average_precision_score(labels[rows, column], scores[rows, column])
            assert value == pytest.approx(expected)
    assert np.isnan(values[:, 2]).any()
