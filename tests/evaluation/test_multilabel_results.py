import itertools
import json

import numpy as np
import pytest

from kclip.errors import UserError
from kclip.evaluation.multilabel_results import expected_random_ap, multilabel_results
from kclip.evaluation.published_multilabel import is_nus_wide
from kclip.metrics.multilabel import average_precision

SEEN = np.array([True, True, True, False, False, False])
NAMES = list("abcdef")


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    labels = rng.random((50, 6)) < 0.2
    labels[:, 5] = False  # an unseen class without a positive
    return labels, rng.normal(size=(50, 6)) + labels


def golden_names(golden):
    return [f"class {number}" for number in range(golden["labels"].shape[1])]


def test_the_golden_figures(goldens):
    with np.load(goldens / "multilabel_metrics.npz") as file:
        golden = dict(file)
    labels, names = golden["labels"], golden_names(golden)
    section = multilabel_results(labels, golden["scores_noties"], names)["all"]
    assert section["map"] == pytest.approx(golden["sklearn.map_nonempty_noties"], abs=1e-6)
    assert section["map_biam"] == pytest.approx(golden["biam.map"], abs=1e-5)
    assert section["f1@3"] == pytest.approx(golden["biam.f1_k3"], abs=1e-5)
    assert section["f1@5"] == pytest.approx(golden["biam.f1_k5"], abs=1e-5)
    expected = golden["mldecoder.map_x100_noties"] / 100
    assert section["map_biam"] == pytest.approx(expected, abs=1e-6)
    assert section["num_empty_classes"] == len(golden["empty_classes"])
    section = multilabel_results(labels, golden["scores"], names)["all"]
    assert section["map"] == pytest.approx(golden["sklearn.map_nonempty_ties"], abs=1e-6)


def test_decisions_are_the_golden_ones(goldens):
    with np.load(goldens / "multilabel_metrics.npz") as file:
        golden = dict(file)
    names = golden_names(golden)
    half = np.full(len(names), 0.5)
    results = multilabel_results(golden["labels"], golden["scores"], names, thresholds=half)
    for name in ("CP", "CR", "CF1", "OP", "OR", "OF1"):
        assert results["all"]["decisions"][name] == pytest.approx(
            golden[f"thr_ge_ties.{name}"], abs=1e-6
        )
    ours = [row["f1"] for row in results["per_class"]]
    np.testing.assert_allclose(ours, golden["thr_ge_ties.per_class_F1"], atol=1e-6)


def test_zsl_is_of_the_unseen_classes_alone(data):
    labels, scores = data
    results = multilabel_results(labels, scores, NAMES, SEEN)
    alone = multilabel_results(labels[:, 3:], scores[:, 3:], NAMES[3:])["all"]
    assert results["zsl"] == alone
    every = multilabel_results(labels, scores, NAMES)["all"]
    assert {name: results["gzsl"][name] for name in every} == every
    assert "all" not in results
    assert "f1@5" not in results["zsl"]  # of three classes


def test_the_conventions_of_images_and_of_empty_classes(data):
    labels, scores = data
    zsl = multilabel_results(labels, scores, NAMES, SEEN)["zsl"]
    own = average_precision(labels[:, 3:5], scores[:, 3:5])
    assert zsl["map"] == pytest.approx(own.mean())
    assert zsl["map_biam"] == pytest.approx(own.sum() / 3)  # no ties, so the same precisions
    rows = labels[:, 3:].any(axis=1)
    assert zsl["num_images_labelled"] == rows.sum() < zsl["num_images"] == 50
    labelled = multilabel_results(labels[rows], scores[rows], NAMES, SEEN)["zsl"]
    assert zsl["map_ml_decoder"] == pytest.approx(labelled["map_biam"])
    assert zsl["f1@3_labelled"] == pytest.approx(labelled["f1@3"])
    assert zsl["f1@3_labelled"] > zsl["f1@3"]


def test_seen_and_unseen_within_gzsl(data):
    labels, scores = data
    gzsl = multilabel_results(labels, scores, NAMES, SEEN)["gzsl"]
    seen, unseen = gzsl["seen_map"], gzsl["unseen_map"]
    assert gzsl["map"] == pytest.approx((3 * seen + 2 * unseen) / 5)
    assert gzsl["harmonic_mean_map"] == pytest.approx(2 / (1 / seen + 1 / unseen))


@pytest.mark.parametrize("hits", [1, 2, 4, 5])
def test_the_expected_precision_of_a_random_order_is_the_mean_over_all_orders(hits):
    scores = np.arange(5)[:, None]
    orders = set(itertools.permutations([1] * hits + [0] * (5 - hits)))
    precisions = [average_precision(np.array(order)[:, None], scores)[0] for order in orders]
    assert expected_random_ap(np.array([hits]), 5)[0] == pytest.approx(np.mean(precisions))


def test_the_figures_beside_are_those_of_random_scores(data):
    labels, _ = data
    rng = np.random.default_rng(1)
    rounds = [multilabel_results(labels, rng.random(labels.shape), NAMES, SEEN) for _ in range(400)]
    for section, measure in (("zsl", "map"), ("gzsl", "map"), ("gzsl", "f1@3"), ("zsl", "f1@3")):
        mean = np.mean([results[section][measure] for results in rounds])
        assert rounds[0][section]["random"][measure] == pytest.approx(mean, rel=0.03)


def test_results_are_json_and_tell_of_each_class(data):
    labels, scores = data
    thresholds = np.array([0.5, 0.5, 0.5, 0.5, np.inf, 0.5])
    results = multilabel_results(labels, scores, NAMES, SEEN, thresholds)
    assert json.loads(json.dumps(results, allow_nan=False)) == results
    rows = {row["class_name"]: row for row in results["per_class"]}
    assert (rows["f"]["ap"], rows["f"]["random_ap"], rows["f"]["num_images"]) == (None, None, 0)
    assert (rows["c"]["seen"], rows["d"]["seen"]) == (True, False)
    assert (rows["e"]["threshold"], rows["e"]["recall"]) == (None, 0.0)
    predicted = scores[:, 0] >= 0.5
    assert rows["a"]["precision"] == pytest.approx(labels[predicted, 0].mean())


def test_ignored_labels_are_neither_right_nor_wrong(data):
    labels, scores = data
    valid_mask = np.random.default_rng(2).random(labels.shape) < 0.7
    thresholds = np.full(6, 0.5)
    results = multilabel_results(labels, scores, NAMES, SEEN, thresholds, valid_mask)
    assert results["num_ignored"] == np.sum(~valid_mask) > 0
    for column, row in enumerate(results["per_class"][:5]):
        own = [image for image in range(50) if valid_mask[image, column]]
        alone = multilabel_results(
            labels[own][:, [column]], scores[own][:, [column]], "x", thresholds=thresholds[:1]
        )["per_class"][0]
        assert alone.pop("class_name") and alone.pop("seen")
        assert {name: row[name] for name in alone} == pytest.approx(alone)
    gzsl = results["gzsl"]
    assert gzsl["map"] == pytest.approx(np.mean([row["ap"] for row in results["per_class"][:5]]))
    answers = [(i, c) for i in range(50) for c in range(6) if valid_mask[i, c]]
    given = [labels[place] for place in answers if scores[place] >= 0.5]
    assert gzsl["decisions"]["OP"] == pytest.approx(np.mean(given))
    found = [scores[place] >= 0.5 for place in answers if labels[place]]
    assert gzsl["decisions"]["OR"] == pytest.approx(np.mean(found))
    labelled = {image for image, column in answers if labels[image, column]}
    assert gzsl["num_images_labelled"] == len(labelled)


def test_what_an_ignored_label_says_makes_no_difference(data):
    labels, scores = data
    valid_mask = np.random.default_rng(2).random(labels.shape) < 0.7
    flipped = labels ^ ~valid_mask
    settings = (scores, NAMES, SEEN, np.full(6, 0.5), valid_mask)
    assert multilabel_results(flipped, *settings) == multilabel_results(labels, *settings)


def test_random_figures_are_of_what_counts(data):
    labels, _ = data
    rng = np.random.default_rng(3)
    valid_mask = rng.random(labels.shape) < 0.6
    rounds = [
        multilabel_results(labels, rng.random(labels.shape), NAMES, valid_mask=valid_mask)["all"]
        for _ in range(400)
    ]
    for measure in ("map", "f1@3"):
        mean = np.mean([section[measure] for section in rounds])
        assert rounds[0]["random"][measure] == pytest.approx(mean, rel=0.03)


def test_images_without_an_unseen_class(data):
    labels, scores = data
    with pytest.raises(UserError, match="none of the 50 images has a label among the 3 unseen"):
        multilabel_results(labels & SEEN, scores, NAMES, SEEN)
    with pytest.raises(UserError, match="among the 6 classes"):
        multilabel_results(labels & False, scores, NAMES)


def test_images_of_unseen_classes_alone(data):
    labels, scores = data
    gzsl = multilabel_results(labels & ~SEEN, scores, NAMES, SEEN)["gzsl"]
    assert (gzsl["seen_map"], gzsl["harmonic_mean_map"]) == (None, None)


def test_nus_wide_is_known_by_its_names(goldens):
    seen = (goldens / "nus_wide" / "seen925.txt").read_text().split("\n")
    unseen = (goldens / "nus_wide" / "unseen81.txt").read_text().split("\n")
    seen, unseen = [name for name in seen if name], [name for name in unseen if name]
    assert is_nus_wide(seen[::-1], unseen)
    assert not is_nus_wide(seen[1:], unseen)
    assert not is_nus_wide(unseen, seen)
