from itertools import permutations

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


ORDER_FREE = (
    area_under_best_precision,
    eleven_point_precision,
    mean_precision_at_hits,
    stepwise_precision,
)


def test_equal_scores_count_together_or_against_the_model():
    labels, scores = np.array([True, False, False, True]), np.zeros(4)
    assert stepwise_precision(labels, scores) == 0.5
    assert mean_precision_at_hits(labels, scores) == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert area_under_best_precision(labels, scores) == 0.5
    assert eleven_point_precision(labels, scores) == 0.5


@pytest.mark.parametrize("function", ORDER_FREE)
def test_the_order_of_the_images_does_not_matter(function):
    rng = np.random.default_rng(0)
    labels, scores = rng.random(40) < 0.4, rng.integers(0, 4, 40)  # many ties
    values = {function(labels[order], scores[order]) for order in map(rng.permutation, [40] * 20)}
    assert len(values) == 1


@pytest.mark.parametrize("function", ORDER_FREE[:3])
def test_ties_give_the_worst_of_all_orders(function):
    labels, scores = np.array([1, 0, 1, 0, 1, 0], bool), np.array([2, 2, 1, 1, 1, 0])
    in_some_order = [
        function(labels[list(order)], -np.arange(6.0))
        for order in permutations(range(6))
        if (np.diff(scores[list(order)]) <= 0).all()
    ]
    assert function(labels, scores) == pytest.approx(min(in_some_order))
