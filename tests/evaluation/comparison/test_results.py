import numpy as np
import pytest

from kclip.evaluation.comparison.methods import Method
from kclip.evaluation.comparison.results import compare_methods

NAMES = ("cat", "dog", "fox")


LABELS = np.repeat([0, 1, 2], 40)


def method(name, accuracy):
    """Scores that are right for the first fraction of each class."""
    wrong = np.arange(120) % 40 >= round(40 * accuracy)
    return Method(name, np.eye(3)[(LABELS + wrong) % 3], LABELS)


def test_figures_intervals_and_the_sign_of_differences():
    better = method("better", 0.9)
    worse = method("worse", 0.6)
    results = compare_methods([better, worse], NAMES, 500, seed=0)
    assert [row["accuracy"] for row in results["methods"]] == [0.9, 0.6]
    low, high = results["methods"][0]["intervals"]["accuracy"]
    assert 0.8 < low < 0.9 < high < 1
    (difference,) = results["differences"]
    assert (difference["first"], difference["second"]) == ("better", "worse")
    accuracy = difference["metrics"]["accuracy"]
    assert accuracy["difference"] == pytest.approx(0.3)
    assert 0.2 < accuracy["interval"][0] < 0.3 < accuracy["interval"][1] < 0.4
    assert difference["mcnemar_p_value"] == pytest.approx(2 / 2**36)
    (turned,) = compare_methods([worse, better], NAMES, 500, seed=0)["differences"]
    assert turned["metrics"]["accuracy"]["difference"] == pytest.approx(-0.3)
    assert turned["metrics"]["accuracy"]["interval"][1] < 0


def test_equal_methods_do_not_differ():
    pair = [method(name, 0.7) for name in ("one", "two")]
    (difference,) = compare_methods(pair, NAMES, 200, seed=0)["differences"]
    assert difference["metrics"]["macro_f1"] == {"difference": 0.0, "interval": [0.0, 0.0]}
    assert difference["mcnemar_p_value"] == 1.0


def test_one_method_has_figures_and_no_differences():
    results = compare_methods([method("one", 0.9)], NAMES, 100, seed=0)
    assert (results["num_images"], results["class_names"]) == (120, list(NAMES))
    assert np.sum(results["methods"][0]["confusion_matrix"]) == 120
    assert results["differences"] == []


def test_remarks_on_all_methods_and_on_one():
    sound, guessing = method("sound", 0.9), method("guessing", 1 / 3)
    assert compare_methods([sound, sound], NAMES, 100, seed=0)["remarks"] == []
    (remark,) = compare_methods([sound, guessing], NAMES, 100, seed=0)["remarks"]
    assert remark.startswith("guessing: As far as 120 images can tell, the accuracy is no better")
    names = (*NAMES, "yak")
    four = [Method(m.name, np.pad(m.scores, ((0, 0), (0, 1))), m.labels) for m in (sound, guessing)]
    remarks = compare_methods(four, names, 100, seed=0)["remarks"]
    assert remarks[0] == "1 of 4 classes has no image here and no part in the averages: yak."
