import numpy as np
import pytest
from word_embedder import slow_log_odds

from kclip.multilabel.prompting.log_odds import RunningLogOdds, ranking_log_odds

SETS = [(), (0,), (1,), (2,), (0, 2)]
MEMBERS = np.array([[c in chosen for c in range(3)] for chosen in SETS])


def test_parts_in_any_order_sum_up_to_the_whole():
    logits = np.random.default_rng(0).normal(scale=30, size=(4, 5))
    running = RunningLogOdds(4, 3)
    for columns in ([4, 0], [2], [1, 3]):
        for rows in (slice(0, 3), slice(3, 4)):
            running.add(rows, logits[rows][:, columns], MEMBERS[columns])
    slow = [slow_log_odds(row.tolist(), SETS, 3) for row in logits]
    np.testing.assert_allclose(running.log_odds(), slow, rtol=1e-5)
    assert running.best.tolist() == MEMBERS[logits.argmax(axis=1)].tolist()


def test_near_certainty_keeps_its_digits():
    # p is 1 - 2e-35 and 1 - 8e-40: as float64 probabilities both are exactly 1.
    running = RunningLogOdds(2, 1)
    running.add(slice(0, 2), np.array([[80.0, 0.0], [90.0, 0.0]]), np.array([[True], [False]]))
    np.testing.assert_allclose(running.log_odds(), [[80.0], [90.0]], rtol=1e-6)


def test_what_underflows_stays_finite():
    running = RunningLogOdds(1, 1)
    running.add(slice(0, 1), np.array([[5000.0, 0.0]]), np.array([[True], [False]]))
    assert np.isfinite(running.log_odds()).all()


@pytest.mark.parametrize("num_prefixes", [0, 1, 3])
def test_a_ranking_equals_the_sum_over_sets(num_prefixes):
    rng = np.random.default_rng(1)
    nothing, prefixes = rng.normal(size=(3, 1)), rng.normal(scale=9, size=(3, num_prefixes))
    singles = -np.sort(-rng.normal(scale=9, size=(3, 4)), axis=1)
    sets = [(), (0,), (1,), (2,), (3,), (0, 1), (0, 1, 2), (0, 1, 2, 3)][: 5 + num_prefixes]
    rows = np.concatenate([nothing, singles, prefixes], axis=1)
    slow = [slow_log_odds(row.tolist(), sets, 4) for row in rows]
    log_odds = ranking_log_odds(nothing, singles, prefixes)
    np.testing.assert_allclose(log_odds, slow, rtol=1e-6, atol=1e-6)
    assert (np.diff(log_odds, axis=1) <= 0).all()


def test_a_ranking_of_one_class():
    odds = ranking_log_odds(np.zeros((1, 1)), np.array([[3.0]]), np.zeros((1, 0)))
    np.testing.assert_allclose(odds, [[3.0]])
