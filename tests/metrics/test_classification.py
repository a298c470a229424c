import numpy as np
import pytest

from kclip.errors import KclipError
from kclip.metrics.classification import classification_metrics, most_confused, top_k_accuracy

# Six images of three classes; the predictions are 0 0 1, 1 0, 2.
LABELS = np.array([0, 0, 0, 1, 1, 2])
SCORES = np.eye(3)[[0, 0, 1, 1, 0, 2]]


def test_by_hand():
    results = classification_metrics(LABELS, SCORES, ["ant", "bee", "cat"])
    assert results["confusion_matrix"] == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert results["accuracy"] == pytest.approx(4 / 6)
    assert results["macro_precision"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert results["macro_recall"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert results["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert [row["class_name"] for row in results["per_class"]] == ["ant", "bee", "cat"]
    assert [row["num_images"] for row in results["per_class"]] == [3, 2, 1]
    assert results["per_class"][1]["precision"] == pytest.approx(1 / 2)


def test_precision_and_recall_are_not_mixed_up():
    # All four are called "ant", and one is.
    results = classification_metrics(
        np.array([0, 1, 1, 1]), np.eye(2)[[0, 0, 0, 0]], ["ant", "bee"]
    )
    assert (results["macro_precision"], results["macro_recall"]) == (0.125, 0.5)
    assert results["macro_f1"] == pytest.approx((2 * 0.25 / 1.25 + 0) / 2)


def test_a_class_without_images_has_no_part_in_the_averages():
    results = classification_metrics(np.array([0, 1]), np.eye(3)[[0, 1]], ["ant", "bee", "cat"])
    assert (results["macro_recall"], results["macro_precision"], results["macro_f1"]) == (1, 1, 1)
    assert results["per_class"][2]["num_images"] == 0
    assert results["num_empty_classes"] == 1


def test_macro_averages_lie_within_their_own_intervals():
    """The figure and its resamples share one convention, with absent classes too."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 200)
    scores = np.eye(30)[np.where(rng.random(200) < 0.9, labels, rng.integers(0, 30, 200))]
    results = classification_metrics(labels, scores, [str(n) for n in range(30)])
    for name, (low, high) in results["intervals"].items():
        assert low <= results[name] <= high and high - low < 0.2, name
    assert results["macro_recall"] > 0.85  # a sixth of that if 25 absent classes counted as 0


def test_what_a_guess_gets():
    results = classification_metrics(LABELS, SCORES, ["ant", "bee", "cat"])
    assert results["chance_accuracy"] == pytest.approx(1 / 3)
    assert results["largest_class_fraction"] == 0.5
    low, high = results["intervals"]["accuracy"]  # 4 of 6, from a table of exact intervals
    assert (low, high) == pytest.approx((0.2228, 0.9567), abs=1e-4)


def test_ties_are_mistakes_whatever_the_order_of_the_classes():
    labels, scores = np.repeat(np.arange(8), 5), np.zeros((40, 8))
    results = classification_metrics(labels, scores, list("abcdefgh"))
    assert results["accuracy"] == 0 == np.trace(results["confusion_matrix"])
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 3, (40, 8)).astype(float)
    results = classification_metrics(labels, scores, list("abcdefgh"))
    assert results["accuracy"] == top_k_accuracy(labels, scores, 1) <= results["top_5_accuracy"]
    order = rng.permutation(8)
    turned = classification_metrics(np.argsort(order)[labels], scores[:, order], list("abcdefgh"))
    assert turned["accuracy"] == results["accuracy"]


def test_top_5_is_given_where_it_says_something():
    assert "top_5_accuracy" not in classification_metrics(LABELS, SCORES, ["a", "b", "c"])
    scores = np.tile(np.arange(6.0), (3, 1))
    results = classification_metrics(np.array([5, 1, 0]), scores, list("abcdef"))
    assert results["top_5_accuracy"] == pytest.approx(2 / 3)


def test_top_k_equals_a_loop_and_counts_ties_against_the_model():
    rng = np.random.default_rng(1)
    labels, scores = rng.integers(0, 8, 40), rng.normal(size=(40, 8))
    hits = [
        label in sorted(range(8), key=lambda c: -row[c])[:3]
        for label, row in zip(labels, scores, strict=True)
    ]
    assert top_k_accuracy(labels, scores, 3) == np.mean(hits)
    assert top_k_accuracy(labels, np.zeros((40, 8)), 7) == 0.0


def test_the_commonest_mistakes_come_first():
    matrix = [[9, 1, 0], [0, 5, 4], [2, 0, 7]]
    expected = [("bee", "cat", 4), ("cat", "ant", 2), ("ant", "bee", 1)]
    assert most_confused(matrix, ["ant", "bee", "cat"], 9) == expected
    assert most_confused(matrix, ["ant", "bee", "cat"], 2) == expected[:2]


def test_scores_that_are_not_finite_are_an_error():
    with pytest.raises(KclipError, match="not finite"):
        classification_metrics(LABELS, SCORES * np.nan, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("labels", "names"), [(LABELS, "ab"), (LABELS[:3], "abc"), (LABELS + 1, "abc")]
)
def test_arrays_that_do_not_belong_together(labels, names):
    with pytest.raises(ValueError, match="expected|labels must be"):
        classification_metrics(labels, SCORES, list(names))
