import json
import subprocess
import sys

import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_class_folders
from PIL import Image

from kclip.data.image_record import ImageRecord
from kclip.data.labelled.class_folders import read_labelled_folder
from kclip.evaluation.retrieval import evaluate_retrieval
from kclip.evaluation.zero_shot import evaluate_zero_shot
from kclip.reports import report

HISTORY = "epoch,loss,val_loss\n0,2.5,2.0\n1,1.5,\n"


@pytest.fixture
def folder(tmp_path):
    write_class_folders(tmp_path / "images")
    return read_labelled_folder(tmp_path / "images")


@pytest.fixture
def records(folder):
    return [
        ImageRecord(r.id, r.file_name, r.image, (f"a {r.labels[0]} | wall",), r.labels)
        for r in folder.records
    ]


def test_a_run_folder_gets_everything(folder, records, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "history.csv").write_text(HISTORY)
    results = {
        "retrieval": evaluate_retrieval(FakeEmbedder(), records),
        "zero_shot": evaluate_zero_shot(FakeEmbedder(), folder, ["a {}"]),
    }
    images = {record.file_name: record.image for record in records}
    report.write_report(run, "A run", {"model": "fake", "seed": 3}, results, images)
    text = (run / "report.md").read_text()
    for picture in ("curves", "retrieval", "retrieval_examples", "confusion_matrix"):
        assert f"({picture}.png)" in text
        with Image.open(run / f"{picture}.png") as image:
            image.load()
    assert "| seed  | 3    |" in text
    assert "| accuracy        | 100.0 %   |" in text
    assert {path.suffix for path in run.iterdir()} == {".csv", ".png", ".md"}  # nothing temporary


def test_what_is_absent_is_not_mentioned(folder, tmp_path):
    results = {"zero_shot": evaluate_zero_shot(FakeEmbedder(), folder, ["a {}"])}
    report.write_report(tmp_path / "out", "Zero-shot", {}, results, {})
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "confusion_matrix.png",
        "report.md",
    ]
    assert "Retrieval" not in (tmp_path / "out" / "report.md").read_text()


def test_search_results(records, tmp_path):
    images = {record.file_name: record.image for record in records}
    hits = [{"file_name": name, "score": 0.25} for name in list(images)[:2]]
    results = [{"query": "Häuser / am Meer?", "hits": hits}, {"query": "…", "hits": hits}]
    report.write_search_report(tmp_path / "out", {}, results, images)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "metrics.json", "report.md", "search_01_häuser_am_meer.png", "search_02_query.png",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["queries"] == results
    assert f"| 2    | 0.250 | {hits[1]['file_name']} |" in (tmp_path / "out/report.md").read_text()


def test_metrics_survive_their_layout(tmp_path):
    results = {
        "a": [[1, 2], [3, 4]],
        "names": ["x [1]", "y {2},\n  z", "q\\"],
        "empty": [],
        "none": {},
        "deep": [{"rows": [{"k": [1.5, None]}]}],
        "text": "ä",
    }
    report.write_metrics(tmp_path / "metrics.json", results)
    text = (tmp_path / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text) == results
    assert "    [1, 2],\n" in text


def test_metrics_that_are_not_numbers_are_refused(tmp_path):
    with pytest.raises(ValueError):
        report.write_metrics(tmp_path / "metrics.json", {"accuracy": float("nan")})
    assert not (tmp_path / "metrics.json").exists()


def test_history_has_gaps(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY)
    history = report.read_history(tmp_path / "history.csv")
    assert history["loss"] == [2.5, 1.5]
    assert history["val_loss"][0] == 2.0
    assert np.isnan(history["val_loss"][1])


def test_retrieval_table_is_in_percent():
    direction = {"recall@1": 0.175, "recall@10": 0.556, "median_rank": 8.0}
    table = report.retrieval_table({"text_to_image": direction, "image_to_text": direction})
    assert table.splitlines()[0] == "|              | R@1    | R@10   | median rank |"
    assert table.splitlines()[2] == "| text → image | 17.5 % | 55.6 % | 8.0         |"


def test_tables_escape_bars():
    assert r"| a\|b |" in report.markdown_table(("name",), [("a|b",)])


def test_it_loads_no_tensorflow():
    code = (
        "import sys, kclip.reports.report; "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
