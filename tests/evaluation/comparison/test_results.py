from pathlib import Path

import numpy as np
import pytest

from kclip.data.labelled.folder import LabelledFolder
from kclip.evaluation.comparison.methods import Method
from kclip.evaluation.comparison.results import compare

NAMES = ("cat", "dog", "fox")


@pytest.fixture
def test_images():
    labels = np.repeat([0, 1, 2], 40)
    names = tuple(f"{number}.png" for number in range(120))
    return LabelledFolder(Path("images"), names, labels, {name: (name,) for name in NAMES})


def method(images, name, accuracy, rows=None):
    """Scores that are right for the first share of each class."""
    rows = np.arange(len(images)) if rows is None else rows
    labels = images.labels[rows]
    wrong = np.arange(120)[rows] % 40 >= round(40 * accuracy)
    scores = np.eye(3)[(labels + wrong) % 3]
    return Method(name, scores, tuple(images.file_names[row] for row in rows))


def test_figures_intervals_and_the_sign_of_differences(test_images):
    better = method(test_images, "better", 0.9)
    worse = method(test_images, "worse", 0.6)
    results = compare([better, worse], test_images, 500, seed=0)
    assert [row["accuracy"] for row in results["contenders"]] == [0.9, 0.6]
    low, high = results["contenders"][0]["intervals"]["accuracy"]
    assert 0.8 < low < 0.9 < high < 1
    (difference,) = results["differences"]
    assert (difference["first"], difference["second"]) == ("better", "worse")
    accuracy = difference["metrics"]["accuracy"]
    assert accuracy["difference"] == pytest.approx(0.3)
    assert 0.2 < accuracy["interval"][0] < 0.3 < accuracy["interval"][1] < 0.4
    assert difference["mcnemar_p_value"] == pytest.approx(2 / 2**36)
    (turned,) = compare([worse, better], test_images, 500, seed=0)["differences"]
    assert turned["metrics"]["accuracy"]["difference"] == pytest.approx(-0.3)
    assert turned["metrics"]["accuracy"]["interval"][1] < 0


def test_equal_contenders_do_not_differ(test_images):
    pair = [method(test_images, name, 0.7) for name in ("one", "two")]
    (difference,) = compare(pair, test_images, 200, seed=0)["differences"]
    assert difference["metrics"]["macro_f1"] == {"difference": 0.0, "interval": [0.0, 0.0]}
    assert difference["mcnemar_p_value"] == 1.0


def test_images_that_could_not_be_read_are_left_out(test_images):
    rows = np.arange(1, 120)
    results = compare([method(test_images, "one", 0.9, rows)], test_images, 100, seed=0)
    assert results["num_images"] == 119
    assert np.sum(results["contenders"][0]["confusion_matrix"]) == 119
    assert results["differences"] == []
