import json

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom

from kclip.errors import UserError
from kclip.multilabel.thresholds import Thresholds, choose_thresholds

NAMES = ["dog", "cat", "yak"]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    labels = rng.random((60, 3)) < 0.3
    labels[:, 2] = False
    return labels, (rng.normal(size=(60, 3)) + 2.5 * labels).round(1)  # with ties


def measured(labels, scores, threshold):
    predicted = scores >= threshold
    hits = np.sum(labels & predicted)
    precision, recall = hits / max(predicted.sum(), 1), hits / labels.sum()
    return precision, recall, 2 * hits / (predicted.sum() + labels.sum())


def all_cuts(labels, scores):
    return [measured(labels, scores, cut) for cut in np.unique(scores)]


def test_no_cut_has_a_better_f1(data):
    labels, scores = data
    chosen = choose_thresholds(labels, scores, NAMES)
    for column in (0, 1):
        own = labels[:, column], scores[:, column]
        best = max(f1 for *_, f1 in all_cuts(*own))
        assert measured(*own, chosen.by_class[NAMES[column]])[2] == pytest.approx(best)
    best = max(f1 for *_, f1 in all_cuts(labels, scores))
    assert measured(labels, scores, chosen.overall)[2] == pytest.approx(best)


def test_ignored_labels_have_no_say(data):
    labels, scores = data
    valid_mask = np.random.default_rng(1).random(labels.shape) < 0.6
    chosen = choose_thresholds(labels, scores, NAMES, valid_mask=valid_mask)
    for column in (0, 1):
        rows = valid_mask[:, column]
        alone = choose_thresholds(labels[rows, column][:, None], scores[rows, column][:, None], "a")
        assert chosen.by_class[NAMES[column]] == alone.by_class["a"]
    together = choose_thresholds(
        labels[valid_mask][:, None], scores[valid_mask][:, None], "a", "global"
    )
    assert chosen.overall == together.overall
    assert chosen != choose_thresholds(labels, scores, NAMES)


def chance_of_so_many(labels, scores, cut, precision):
    """How likely labels of this precision are right as often as those from the cut up."""
    given = scores >= cut
    return binom.sf((labels & given).sum() - 1, given.sum(), precision)


@pytest.mark.parametrize("wanted", [0.4, 0.5])
def test_no_cut_that_promises_the_wanted_precision_has_a_higher_recall(data, wanted):
    labels, scores = data
    chosen = choose_thresholds(labels, scores, NAMES, "per_class", wanted)
    bounds = []
    for column in (0, 1):
        own = labels[:, column], scores[:, column]
        cut = chosen.by_class[NAMES[column]]
        promising = [c for c in np.unique(own[1]) if chance_of_so_many(*own, c, wanted) <= 0.05]
        assert measured(*own, cut)[1] == max(measured(*own, c)[1] for c in promising)
        # The precision that so many right ones have a chance of 5 % with.
        bounds.append(brentq(lambda p, o=own, c=cut: chance_of_so_many(*o, c, p) - 0.05, 0, 1))
        assert bounds[-1] >= wanted
    overall = brentq(lambda p: chance_of_so_many(labels, scores, chosen.overall, p) - 0.05, 0, 1)
    assert chosen.bound == pytest.approx(min(*bounds, overall))  # "yak" takes the one of all


def test_chosen_thresholds_keep_their_promise_on_other_images():
    """Where a label is right with the chance of its score, the precision is known exactly."""
    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(200):
        scores = rng.random((400, 1))
        chosen = choose_thresholds(rng.random((400, 1)) < scores, scores, "a", "global", 0.7)
        missed += (1 + chosen.overall) / 2 < 0.7
    assert missed / 200 < 0.1  # half of them where the precision itself has to reach it


def test_a_class_without_a_positive_takes_the_one_of_all(data):
    chosen = choose_thresholds(*data, NAMES)
    assert set(chosen.by_class) == {"dog", "cat"}
    assert chosen.of(NAMES)[2] == chosen.overall
    together = choose_thresholds(*data, NAMES, "global")
    assert together.of(NAMES).tolist() == [chosen.overall] * 3


def test_a_class_that_never_reaches_the_precision_is_never_named():
    labels = np.array([[1, 0], [1, 1], [1, 0], [0, 0]])
    scores = np.array([[9, 1], [8, 2], [7, 3], [1, 1]])
    chosen = choose_thresholds(labels, scores, NAMES[:2], "per_class", 0.3)
    assert chosen.by_class == {"dog": 4.0, "cat": None}
    assert chosen.bound == pytest.approx(0.05 ** (1 / 3))
    assert chosen.of(["cat"]).tolist() == [np.inf]


def test_classes_may_reach_the_precision_that_all_together_miss():
    labels = np.array([[1, 0], [1, 1], [0, 0]])
    scores = np.array([[3, 9], [2, 8], [1, 7]])
    chosen = choose_thresholds(labels, scores, NAMES[:2], "per_class", 0.2)  # 0.05 ** (1 / 2)
    assert (chosen.overall, chosen.by_class) == (None, {"dog": 1.5, "cat": None})
    with pytest.raises(UserError, match="no threshold makes 20.0% of the labels"):
        choose_thresholds(labels, scores, NAMES[:2], "global", 0.2)


def test_the_threshold_lies_half_way_to_the_next_lower_score():
    labels, scores = np.array([[1], [1], [0]]), np.array([[0.9], [0.5], [0.1]])
    assert choose_thresholds(labels, scores, ["dog"]).by_class["dog"] == pytest.approx(0.3)
    every = choose_thresholds(np.ones((3, 1)), scores, ["dog"]).by_class["dog"]
    assert every == pytest.approx(0.1)  # there is no lower one


@pytest.mark.parametrize(
    ("labels", "wanted", "sentence"),
    [
        ([[0], [1]], 1.5, "the wanted precision is 1.5; give a number in"),
        ([[0], [0]], None, "no image has one of the classes"),
        ([[0], [1]], 0.9, "no threshold makes 90.0% of the labels"),
    ],
)
def test_what_cannot_be_chosen(labels, wanted, sentence):
    with pytest.raises(UserError, match=sentence):
        choose_thresholds(np.array(labels), np.array([[2], [1]]), ["dog"], "global", wanted)


def test_they_are_kept_as_json(tmp_path, data):
    chosen = choose_thresholds(*data, NAMES, "per_class", 0.5, "validation")
    chosen.save(tmp_path / "thresholds.json")
    assert Thresholds.load(tmp_path / "thresholds.json") == chosen


@pytest.mark.parametrize("content", ["{", "{}", json.dumps({"scope": 1, "overall": 2, "x": 3})])
def test_a_damaged_file(tmp_path, content):
    (tmp_path / "thresholds.json").write_text(content)
    with pytest.raises(UserError, match=r"thresholds\.json"):
        Thresholds.load(tmp_path / "thresholds.json")
