import csv
import json

import numpy as np
import pytest
from fake_embedder import COLORS, write_color_images
from tiny_recognizer import (
    SEEN,
    UNSEEN,
    WARM,
    ColorEmbedder,
    labels_of,
    write_classifier,
    write_labelled_records,
)

from kclip.cli import main
from kclip.data.image_record import UNKNOWN
from kclip.multilabel.recognition.recognizer import MultiLabelRecognizer
from kclip.multilabel.thresholds import Thresholds

FILES = {"metrics.json", "per_class.csv", "predictions.csv", "report.md"}
FIGURES = {"class_precisions.png", "labels.png"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("multilabel")
    write_classifier(folder / "model")
    return {"records": write_labelled_records(folder), "model": folder / "model"}


@pytest.fixture
def data(built, tmp_path, monkeypatch):
    monkeypatch.setattr("kclip.inference.embedder.Embedder.from_name", lambda _: ColorEmbedder())
    return built | {"output": tmp_path / "out"}


@pytest.fixture
def no_figures(monkeypatch):
    """Leaves out what takes most of the time, where a test is about something else."""
    monkeypatch.setattr("kclip.reports.examples.draw_examples", lambda *_: [])
    monkeypatch.setattr("kclip.reports.report.save_figure", lambda *_: None)


def evaluate(data, model, *options):
    flags = ["--model", model, "--output", data["output"], *options]
    if "--images" not in options:
        flags += ["--data", data["records"]]
    main("evaluate_multilabel", list(map(str, flags)))
    return json.loads((data["output"] / "metrics.json").read_text())


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def failure(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_info:
        evaluate(*arguments)
    return exit_info.value.code, capsys.readouterr().err


def test_ranking_by_cosine(data, capsys):
    metrics = evaluate(data, "colors")
    # 4 images of each of 6 colours; the embedder knows colours, and nothing of warmth.
    assert (metrics["zsl"]["num_images"], metrics["zsl"]["num_images_labelled"]) == (24, 8)
    assert metrics["zsl"]["map"] == 1
    rows = {row["class_name"]: row for row in metrics["per_class"]}
    assert list(rows) == SEEN + UNSEEN
    assert [rows[name]["seen"] for name in rows] == [True] * 4 + [False] * 2
    assert [rows[name]["ap"] for name in ("blue", "green", "red")] == [1, 1, 1]
    assert rows["warm"]["num_images"] == 8 and rows["warm"]["ap"] < 1
    assert metrics["gzsl"]["map"] == pytest.approx((5 + rows["warm"]["ap"]) / 6)
    assert {path.name for path in data["output"].iterdir()} == FILES | FIGURES
    report = (data["output"] / "report.md").read_text()
    assert "4 seen, 2 unseen" in report and "random ranking" in report
    assert "LESA" not in report  # published on other classes
    assert "ZSL (unseen classes)" in capsys.readouterr().out


def test_ignored_labels_are_neither_right_nor_wrong(
    no_figures, data, tmp_path, monkeypatch, capsys
):
    metrics = evaluate(data, "colors")
    assert metrics["num_ignored"] == 0
    # Warm things are those of the two colours that are warm, once the others are ignored.
    others = [color for color in COLORS if color not in WARM]
    ignored = {color: ("warm",) for color in others} | {"red": ("blue",)}
    data["records"] = write_labelled_records(tmp_path, ignored=ignored)
    metrics = evaluate(data, "colors", "--thresholds", "per_class", "--threshold-split", "train")
    assert metrics["num_ignored"] == 4 * len(others) + 4
    rows = {row["class_name"]: row for row in metrics["per_class"]}
    assert (rows["warm"]["ap"], rows["warm"]["random_ap"], rows["warm"]["precision"]) == (1, 1, 1)
    assert rows["blue"]["ap"] == 1 and rows["blue"]["random_ap"] > rows["green"]["random_ap"]
    assert "20 labels, neither right nor wrong" in (data["output"] / "report.md").read_text()


def test_predictions_hold_labels_and_the_highest_scores(no_figures, data):
    evaluate(data, "colors")
    rows = rows_of(data["output"] / "predictions.csv")
    assert len(rows) == 24 and "predicted_labels" not in rows[0]
    yellow = next(row for row in rows if row["image"] == "yellow_0.png")
    assert (yellow["labels"], yellow["class_1"]) == ("yellow;warm", "yellow")
    scores = [float(yellow[f"cosine_{n}"]) for n in range(1, 7)]
    assert scores == sorted(scores, reverse=True)
    assert len(rows_of(data["output"] / "per_class.csv")) == 6


def test_images_of_unknown_labels_count_nowhere_and_say_so(no_figures, data, tmp_path):
    data["records"] = write_labelled_records(tmp_path, ignored={"red": (UNKNOWN,)})
    metrics = evaluate(data, "colors")
    assert metrics["num_ignored"] == 4 * 6  # the red images, all classes
    assert {row["class_name"]: row["ap"] for row in metrics["per_class"]}["red"] is None
    rows = rows_of(data["output"] / "predictions.csv")
    assert {row["labels"] for row in rows if row["image"].startswith("red")} == {UNKNOWN}


def test_classes_that_nobody_splits(no_figures, data):
    names = data["output"].parent / "names.txt"
    names.write_text("grey\nyellow\n")
    metrics = evaluate(data, "colors", "--classes", names)
    assert "zsl" not in metrics and metrics["all"]["num_classes"] == 2
    assert "f1@3" not in metrics["all"]
    assert "2 whose labels no training saw" in (data["output"] / "report.md").read_text()


def test_a_folder_and_a_table(no_figures, data, tmp_path):
    paths = write_color_images(tmp_path / "images")
    lines = [f"{path.name},{';'.join(labels_of(path))}" for path in paths]
    (tmp_path / "labels.csv").write_text("\n".join(["image,labels", *lines]))
    flags = ["--images", tmp_path / "images", "--labels", tmp_path / "labels.csv"]
    metrics = evaluate(data, "colors", *flags)
    assert [row["class_name"] for row in metrics["per_class"]] == sorted([*COLORS, "warm"])
    paths[0].write_bytes(b"not an image")
    assert evaluate(data, "colors", *flags)["num_images"] == 17


def test_a_trained_classifier(data):
    metrics = evaluate(data, data["model"])
    recognizer = MultiLabelRecognizer.from_folder(data["model"])
    paths = sorted((data["records"].parent / "validation").iterdir())
    scores = recognizer.predict_scores(paths)
    labels = np.array([[name in labels_of(path) for name in SEEN + UNSEEN] for path in paths])
    from sklearn.metrics import average_precision_score

    expected = average_precision_score(labels[:, 4:], scores[:, 4:])
    assert metrics["zsl"]["map"] == pytest.approx(expected)
    attention = {f"attention_{n}.png" for n in (1, 2, 3)}
    assert {path.name for path in data["output"].iterdir()} == FILES | FIGURES | attention
    assert "thresholds" not in metrics


def test_a_trained_classifier_on_other_classes(no_figures, data, tmp_path):
    (tmp_path / "names.txt").write_text("grey\nred\n")
    metrics = evaluate(data, data["model"], "--classes", tmp_path / "names.txt")
    rows = metrics["per_class"]
    assert [(row["class_name"], row["seen"]) for row in rows] == [("red", True), ("grey", False)]


def test_thresholds_are_chosen_on_one_split_and_kept(no_figures, data):
    flags = ["--thresholds", "per_class", "--threshold-split", "train"]
    metrics = evaluate(data, data["model"], *flags)
    kept = json.loads((data["model"] / "thresholds.json").read_text())
    assert kept["chosen_on"] == f"train of {data['records']}"
    assert set(kept["by_class"]) == set(SEEN + UNSEEN)
    assert metrics["thresholds"]["same_images"] is False
    assert {"CF1", "OF1"} <= set(metrics["gzsl"]["decisions"])
    assert metrics["per_class"][0]["threshold"] == kept["by_class"]["blue"]
    images = sorted((data["records"].parent / "validation").iterdir())
    named = MultiLabelRecognizer.from_folder(data["model"]).predict_labels(images)
    rows = {row["image"]: row for row in rows_of(data["output"] / "predictions.csv")}
    for path, names in zip(images, named, strict=True):
        assert rows[path.name]["predicted_labels"] == ";".join(names)

    assert evaluate(data, data["model"])["thresholds"]["chosen_on"] == kept["chosen_on"]
    metrics = evaluate(data, data["model"], "--split", "train")
    assert metrics["thresholds"]["same_images"] is True
    assert "the figures are too high" in (data["output"] / "report.md").read_text()
    (data["model"] / "thresholds.json").unlink()


def test_a_wanted_precision(no_figures, data):
    flags = ["--thresholds", "global", "--threshold-split", "train", "--wanted-precision", 0.4]
    metrics = evaluate(data, "colors", *flags)
    assert metrics["thresholds"]["precision_bound"] >= 0.4
    kept = Thresholds.load(data["output"] / "thresholds.json")
    assert kept.bound == metrics["thresholds"]["precision_bound"]
    report = (data["output"] / "report.md").read_text()
    assert "precision of 40.0 %, which each keeps with 95 % confidence" in report


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--images", "x"), "--images and --labels belong together"),
        (("--threshold-split", "train"), "add --thresholds per_class or global"),
        (("--thresholds", "global"), "give --data and --threshold-split"),
        (
            ("--thresholds", "global", "--threshold-split", "validation"),
            "--threshold-split is 'validation', the split that is measured",
        ),
        (("--split", "test"), "has no split 'test'"),
        (("--separator", "tab"), "how a table is read has no meaning with --data"),
        (
            ("--thresholds", "global", "--threshold-split", "train", "--wanted-precision", "0.99"),
            "choose on more of them, or want a lower precision",
        ),
        (("--template", "a photo"), "'a photo' has no {}"),
        (("--seen-classes", "nowhere.txt"), "nowhere.txt"),
    ],
)
def test_mistakes_of_evaluate_multilabel_are_one_sentence(data, capsys, options, sentence):
    code, message = failure(capsys, data, "colors", *options)
    assert code == 2
    assert sentence in message and len(message.strip().splitlines()) == 1
    assert not data["output"].exists()


def test_a_classifier_knows_what_it_has_seen(data, capsys):
    _, message = failure(capsys, data, data["model"], "--seen-classes", "x")
    assert "this model knows which classes it has seen" in message
