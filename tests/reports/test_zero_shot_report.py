import csv
import json
from dataclasses import asdict

import numpy as np
import pytest
from embedded_images import embedded_images
from PIL import Image

from kclip.data.benchmarks.registry import PROTOCOLS
from kclip.evaluation.zero_shot import zero_shot_results
from kclip.reports.zero_shot import (
    coverage_table,
    published_table,
    write_predictions,
    write_zero_shot_report,
)
from kclip.zero_shot.classifier import ZeroShotClassifier


def results_of(num_classes, num_images=400, published=()):
    rng = np.random.default_rng(0)
    classes = rng.normal(size=(num_classes, 16)).astype(np.float32)
    classes /= np.linalg.norm(classes, axis=1, keepdims=True)
    labels = rng.integers(0, num_classes, num_images)
    images = (classes[labels] + rng.normal(0, 0.2, (num_images, 16))).astype(np.float32)
    names = tuple(f"class {n}" for n in range(num_classes))
    classifier = ZeroShotClassifier(names, classes, 20.0, temperature=1.5)
    labelled = embedded_images(images, labels, num_classes)
    results = zero_shot_results(classifier, labelled, threshold=0.5)
    results["calibration"] |= {"num_images": 40, "fitted_on": "10% of each class"}
    return results | {
        "templates": ["a {}."],
        "evaluated_on": f"the {num_images} images",
        "metric": "mean_per_class_accuracy",
        "published": [asdict(figure) for figure in published],
    }


def test_mean_per_class_accuracy_leaves_out_classes_without_images():
    classes = np.eye(3, dtype=np.float32)
    labels = np.array([0, 0, 0, 1])
    images = embedded_images(classes[[0, 0, 1, 1]], labels, 3)
    results = zero_shot_results(ZeroShotClassifier(("x", "y", "z"), classes, 1.0), images, None)
    assert results["accuracy"] == 0.75
    assert results["mean_per_class_accuracy"] == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.parametrize("num_classes", [3, 45, 130])
def test_the_results_folder(tmp_path, num_classes):
    results = results_of(num_classes, published=PROTOCOLS["pets"].published)
    write_zero_shot_report(tmp_path, {"model": "m"}, results)
    assert json.loads((tmp_path / "metrics.json").read_text())["accuracy"] == results["accuracy"]
    report = (tmp_path / "report.md").read_text()
    for figure in ("confusion_matrix", "reliability", "coverage"):
        assert f"({figure}.png)" in report
        with Image.open(tmp_path / f"{figure}.png") as image:
            image.load()
    assert "fitted on 10% of each class" in report and "93.7 %" in report
    assert ("`per_class.csv` has all" in report) == (num_classes > 40)
    with (tmp_path / "per_class.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class_name"] for row in rows] == results["class_names"]
    assert sum(int(row["num_images"]) for row in rows) == 400


def test_published_figures_are_marked():
    table = published_table(results_of(3, published=PROTOCOLS["pets"].published)).splitlines()
    assert "mean accuracy per class" in table[0]
    assert "this run" in table[2]
    assert "a guess" in table[3] and "33.3 %" in table[3]
    assert all("published:" in line for line in table[4:])


def test_coverages_are_listed_from_all_down():
    rows = [line.split("|")[1].strip() for line in coverage_table(results_of(3)["abstention"])
            .splitlines()[2:]]  # fmt: skip
    fractions = [float(row.rstrip(" %")) for row in rows]
    assert fractions[0] == 100.0 and fractions == sorted(fractions, reverse=True)


def test_the_curve_is_short_however_many_images():
    curve = results_of(3, num_images=3000)["abstention"]["curve"]
    assert 90 < len(curve) <= 101
    assert curve[-1]["coverage"] == 1.0


def test_predictions_are_csv(tmp_path):
    best = [[("a, b", 0.75), ("c", 0.25)], [("c", 0.5), ("a, b", 0.5)]]
    write_predictions(tmp_path / "p.csv", ["1.png", "2.png"], ["a, b", "c"], ["a, b", None], best)
    assert (tmp_path / "p.csv").read_text().splitlines() == [
        "file,true_class,predicted_class,class_1,probability_1,class_2,probability_2",
        '1.png,"a, b","a, b","a, b",0.7500,c,0.2500',
        '2.png,c,unknown,c,0.5000,"a, b",0.5000',
    ]
