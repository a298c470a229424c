import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest

from kclip.data.image_record import ImageRecord
from kclip.data.labelled.images import LabelledImages
from kclip.evaluation.multilabel import MultilabelEvaluation
from kclip.evaluation.multilabel_results import multilabel_results
from kclip.multilabel.class_split import ClassSplit
from kclip.multilabel.thresholds import Thresholds
from kclip.reports.multilabel import (
    class_table,
    ranking_table,
    write_multilabel_predictions,
    write_multilabel_report,
)


@pytest.fixture
def results():
    rng = np.random.default_rng(0)
    labels = rng.random((40, 30)) < 0.2
    labels[:, 29] = False
    seen = np.arange(30) < 20
    names = [f"class {n}" for n in range(30)]
    measured = multilabel_results(
        labels, labels + rng.normal(size=(40, 30)), names, seen, np.full(30, 0.5)
    )
    chosen = {"scope": "per_class", "wanted_precision": None, "num_own": 29, "num_never": 1}
    return measured | {"thresholds": chosen | {"chosen_on": "train of x", "same_images": False}}


def rows_of(table):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


def test_the_table_has_every_figure_beside_a_random_ranking(results):
    header, _, zsl, random, gzsl, _ = rows_of(ranking_table(results))
    figures = dict(zip(header, zsl, strict=True))
    low, high = results["zsl"]["map_interval"]
    assert low < results["zsl"]["map"] < high
    figure = f"{100 * results['zsl']['map']:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
    assert figures["mAP"] == figure
    assert figures["F1@5 (labelled)"] == f"{100 * results['zsl']['f1@5_labelled']:.1f} %"
    assert random[2] == f"{100 * results['zsl']['random']['map']:.1f} %"
    assert gzsl[2].startswith(f"{100 * results['gzsl']['map']:.1f} % [")


def test_published_rows_stand_beside_figures_on_nus_wide_alone(results):
    assert "CLIP-Decoder" not in ranking_table(results)
    rows = rows_of(ranking_table(results | {"published": True}))
    mine = [row for row in rows if row[1] == "CLIP-Decoder (published)"]
    assert [row[2] for row in mine] == ["33.4 %", "23.8 %"]
    header = rows[0]
    assert mine[0][header.index("F1@3")] == "34.8 %"
    assert mine[0][header.index("F1@3 (labelled)")] == ""


def test_best_and_worst_classes_unseen_before_seen(results):
    rows = rows_of(class_table(results["per_class"]))[2:]
    assert [row[1] for row in rows] == ["unseen"] * 9 + ["seen"] * 16  # class 29 has no image
    values = [float(row[3].removesuffix(" %")) for row in rows]
    assert values[:9] == sorted(values[:9], reverse=True)
    assert max(r["ap"] for r in results["per_class"][:20]) * 100 == pytest.approx(
        values[9], abs=0.1
    )


def test_the_folder(tmp_path, results):
    from matplotlib.figure import Figure

    figures = [("labels.png", Figure(figsize=(1, 1)), "Some images")]
    write_multilabel_report(tmp_path, {"model": "m"}, results, figures)
    assert json.loads((tmp_path / "metrics.json").read_text()) == results
    with (tmp_path / "per_class.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class_name"] for row in rows] == [f"class {n}" for n in range(30)]
    assert (rows[29]["ap"], rows[29]["seen"]) == ("", "False")
    report = (tmp_path / "report.md").read_text()
    assert "![Some images](labels.png)" in report
    assert "chosen for the best F1 on train of x" in report
    assert f"{100 * results['gzsl']['decisions']['OF1']:.1f} %" in report
    assert (tmp_path / "class_precisions.png").stat().st_size > 10_000


def test_predictions_have_the_ten_likeliest_classes_as_figures_show_them(tmp_path):
    names = [f"c{n}" for n in range(12)]
    records = [
        ImageRecord("1", "a.jpg", b"", labels=("x", "c1")),
        ImageRecord("2", "=b.jpg", b"", labels=()),
    ]
    images = LabelledImages(records, {name: (name,) for name in names})
    scores = np.arange(24.0).reshape(2, 12) / 4
    recognizer = SimpleNamespace(
        classes=ClassSplit((), tuple(names)),
        confidences=lambda logits: 1 / (1 + np.exp(-logits)),
        confidence="probability",
    )
    thresholds = Thresholds("global", None, None, "", 2.6, {"c0": 3.0})
    evaluation = MultilabelEvaluation(images, scores, {})
    write_multilabel_predictions(tmp_path / "p.csv", recognizer, evaluation, thresholds)
    with (tmp_path / "p.csv").open(newline="") as file:
        header, first, second = csv.reader(file)
    assert header[:5] == ["image", "labels", "predicted_labels", "class_1", "probability_1"]
    assert first[:5] == ["a.jpg", "x;c1", "c11", "c11", "0.9399"]  # 1 / (1 + exp(-11 / 4))
    assert second[:2] == ["'=b.jpg", ""] and second[2].split(";") == names[::-1]
    assert len(header) == 3 + 2 * 10
