import numpy as np
from word_embedder import slow_log_odds

from kclip.zero_shot.multilabel_prompts.log_odds import RunningLogOdds, prefix_log_odds

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


def test_prefixes_equal_the_sum_over_sets():
    logits = np.random.default_rng(1).normal(scale=10, size=(3, 4))
    slow = [slow_log_odds(row.tolist(), [(), (0,), (0, 1), (0, 1, 2)], 3) for row in logits]
    np.testing.assert_allclose(prefix_log_odds(logits), slow, rtol=1e-6)
