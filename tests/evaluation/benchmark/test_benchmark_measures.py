"""The benchmark's own figures, and what stands behind the methods."""

import numpy as np
import pytest

from kclip.evaluation.benchmark.cells import Cell, plan_cells, summarize_cells
from kclip.evaluation.benchmark.linear_probe import probe_scores
from kclip.evaluation.benchmark.measures import (
    constant_predictor,
    measure_outputs,
    trapezoid_on_hard_labels,
)
from kclip.evaluation.benchmark.retrieved_captions import RetrievedCaptions
from kclip.evaluation.benchmark.zero_shot_methods import list_all_labels

EVERY = np.ones((4, 1), bool)


def test_trapezoids_by_hand():
    labels = np.array([[1], [1], [0], [0]])
    decisions = np.array([[True], [False], [True], [False]])
    # From recall 0 and precision 1 over recall 1/2 and precision 1/2 to recall 1 and precision 1/2.
    assert trapezoid_on_hard_labels(labels, decisions, EVERY) == pytest.approx(0.375 + 0.25)


@pytest.mark.parametrize("answer", [False, True])
def test_a_constant_predictor_gets_half_of_one_and_the_share(answer):
    labels = np.array([[1], [0], [0], [0]])
    figure = trapezoid_on_hard_labels(labels, np.full((4, 1), answer), EVERY)
    assert figure == pytest.approx((1 + 0.25) / 2)


def test_a_constant_predictor_has_the_share_as_average_precision():
    labels = np.array([[1, 0], [0, 0], [0, 1], [0, 1]])
    figures = constant_predictor(labels, np.ones((4, 2), bool))
    assert figures["map"] == pytest.approx((1 / 4 + 2 / 4) / 2)
    assert figures["micro_f1"] == pytest.approx(2 * (3 / 8) / (1 + 3 / 8))


def test_what_does_not_count_changes_nothing():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, (20, 3)), rng.normal(size=(20, 3))
    valid_mask = np.ones((20, 3), bool)
    valid_mask[:5] = False
    whole = measure_outputs(labels, scores, scores > 0, valid_mask)
    other = labels.copy()
    other[:5] = 1 - other[:5]
    assert measure_outputs(other, scores, scores > 0, valid_mask) == whole
    rows = measure_outputs(labels[5:], scores[5:], scores[5:] > 0, valid_mask[5:])
    assert rows == pytest.approx(whole)


def test_seeds_are_summarized():
    figures = [{"map": 0.2}, {"map": 0.4}]
    cells = [(Cell("probe", 0.02, s), {"figures": f}) for s, f in enumerate(figures)]
    row = summarize_cells(iter(cells))["probe"]["0.02"]
    expected = {"map": 0.3, "map_std": np.sqrt(0.02), "seeds": 2}  # divided by n - 1
    assert row == pytest.approx(expected)


def test_zero_shot_methods_have_one_cell_and_transfer_one_more():
    cells = plan_cells(
        ["cosine", "fc_adapter", "mld_adapter_transferred"], (0.1, 1.0), 3, {"fc_adapter"}
    )
    counts = {name: sum(cell.method == name for cell in cells) for name, *_ in map(astuple, cells)}
    assert counts == {"cosine": 1, "fc_adapter": 6, "mld_adapter_transferred": 7}


TRAINED = {"fc_adapter"}


def astuple(cell):
    return cell.method, cell.ratio, cell.seed


def test_the_probe_is_ridge_regression():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(30, 3)), rng.normal(size=(5, 3))
    labels = (train[:, :2] > 0).astype(int)
    scores, own = probe_scores(train, labels, test)
    x = (train - train.mean(0)) / train.std(0)
    z = (test - train.mean(0)) / train.std(0)
    centred = labels - labels.mean(0)
    candidates = [
        z @ np.linalg.solve(x.T @ x + a * np.eye(3), x.T @ centred) + labels.mean(0)
        for a in (30.0, 100.0, 300.0, 1e3, 3e3, 1e4)
    ]
    assert any(np.allclose(scores, candidate) for candidate in candidates)
    assert own.shape == (30, 2)


def test_copies_do_not_choose_how_the_probe_is_regularised():
    """Labels of chance: what leaves a copy out knows its answer and wants no regularisation."""
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(40, 60)), rng.normal(size=(5, 60))
    labels = rng.integers(0, 2, size=(40, 2))
    twice, groups = np.tile(np.arange(40), 2), np.tile(np.arange(40), 2)

    def spread(groups):
        return np.ptp(probe_scores(train[twice], labels[twice], test, groups)[0])

    assert spread(groups) < spread(None) / 10


def test_captions_are_the_nearest_by_their_words():
    class Words:
        def embed_texts(self, texts):
            words = ("dog", "snow", "man")
            return np.array([[0.1 + (w in text) for w in words] for text in texts])

    captions = RetrievedCaptions(Words(), ["a dog in snow", "a man", "a dog"])
    assert captions([("snow", "dog"), ("man",), ("dog",)]) == ["a dog in snow", "a man", "a dog"]


def test_list_all_takes_as_many_labels_as_it_may():
    assert [list_all_labels(n) for n in (5, 13, 14, 102)] == [5, 13, 7, 2]
