import numpy as np
import pytest

from kclip.metrics.average_precision import (
    area_under_best_precision,
    eleven_point_precision,
    mean_precision_at_hits,
    stepwise_precision,
)


def curve(labels):
    """Recall and precision after each image, in the order in which the images stand."""
    hits = np.cumsum(labels)
    return hits / hits[-1], hits / np.arange(1, len(labels) + 1)


@pytest.mark.parametrize("seed", range(5))
def test_every_definition_equals_the_slow_loop(seed):
    rng = np.random.default_rng(seed)
    labels = rng.random(60) < 0.3
    # Descending and distinct, so that the images stand in their order.
    scores = -np.sort(rng.random(60))
    recall, precision = curve(labels)
    gains = np.diff(recall, prepend=0.0)
    steps = sum(gain * p for gain, p in zip(gains, precision, strict=True))
    envelope = sum(gain * precision[i:].max() for i, gain in enumerate(gains))
    points = [precision[recall >= tenths / 10 - 1e-9].max() for tenths in range(11)]
    assert stepwise_precision(labels, scores) == pytest.approx(steps)
    assert mean_precision_at_hits(labels, scores) == pytest.approx(steps)
    assert area_under_best_precision(labels, scores) == pytest.approx(envelope)
    assert eleven_point_precision(labels, scores) == pytest.approx(np.mean(points))


def test_an_exact_recall_is_met():
    """Three of ten hits stand in front: recall 0.3, which 3 * 0.1 in floats is not."""
    labels = np.array([True] * 3 + [False] * 90 + [True] * 7)
    expected = (4 * 1 + 7 * 10 / 100) / 11
    assert eleven_point_precision(labels, -np.arange(100.0)) == pytest.approx(expected)


def test_equal_scores_count_together_or_in_order():
    labels, scores = np.array([True, False, False, True]), np.zeros(4)
    assert stepwise_precision(labels, scores) == 0.5
    assert mean_precision_at_hits(labels, scores) == pytest.approx((1 + 2 / 4) / 2)
