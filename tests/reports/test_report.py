import json
import subprocess
import sys

import pytest
from fake_embedder import FakeEmbedder, write_class_folders
from PIL import Image

from kclip.data.image_record import ImageRecord
from kclip.data.labelled.class_folders import read_labelled_folder
from kclip.evaluation.retrieval import evaluate_retrieval
from kclip.evaluation.zero_shot import evaluate_zero_shot
from kclip.reports.dual_encoder import write_dual_encoder_report
from kclip.reports.report import Report
from kclip.reports.search import write_search_report


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


def figure():
    from matplotlib.figure import Figure

    return Figure(figsize=(1, 1))


def test_a_report_shows_its_parts_in_their_order(tmp_path):
    report = Report(tmp_path / "out", "A *title*", {"model": "a|b", "seed": 3})
    report.metrics({"accuracy": 0.5})
    report.csv("classes.csv", ["class"], [["dog"]])
    report.heading("Results")
    report.add("First.", "Second.")
    report.figure("dots.png", figure(), "Some [dots](x)")
    assert not (tmp_path / "out/report.md").exists()  # it stands for a run that has ended
    assert report.write() == tmp_path / "out/report.md"
    assert (tmp_path / "out/report.md").read_text() == (
        "# A \\*title\\*\n\n"
        "|       |      |\n|-------|------|\n| model | a\\|b |\n| seed  | 3    |\n\n"
        "## Results\n\nFirst.\n\nSecond.\n\n![Some \\[dots\\](x)](dots.png)\n"
    )
    assert json.loads((tmp_path / "out/metrics.json").read_text()) == {"accuracy": 0.5}
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"metrics.json", "classes.csv", "dots.png", "report.md"}


def test_a_figure_that_cannot_be_drawn_costs_no_results(tmp_path):
    class Broken:
        def savefig(self, *_, **__):
            raise ZeroDivisionError

    report = Report(tmp_path, "Title", {})
    report.metrics({"accuracy": 0.5})
    with pytest.raises(ZeroDivisionError):
        report.figure("dots.png", Broken(), "")
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_a_run_folder_gets_everything(folder, records, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "history.csv").write_text("epoch,loss,val_loss\n0,2.5,2.0\n1,1.5,\n")
    results = {
        "retrieval": evaluate_retrieval(FakeEmbedder(), records),
        "zero_shot": evaluate_zero_shot(FakeEmbedder(), folder, ["a {}"]),
    }
    images = {record.file_name: record.image for record in records}
    write_dual_encoder_report(run, {"model": "fake", "seed": 3}, results, images)
    text = (run / "report.md").read_text()
    for name in ("curves", "retrieval", "retrieval_examples", "confusion_matrix"):
        assert f"({name}.png)" in text
        with Image.open(run / f"{name}.png") as image:
            image.load()
    assert "| seed  | 3    |" in text
    assert "| accuracy        | 100.0 %   |" in text and "| 16.7 % |" in text  # one guess in six
    assert json.loads((run / "metrics.json").read_text()) == results
    suffixes = {path.suffix for path in run.iterdir()}  # nothing temporary
    assert suffixes == {".csv", ".json", ".png", ".md"}


def test_what_is_absent_is_not_mentioned(records, tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss\n0,2.5\n")
    results = {"retrieval": evaluate_retrieval(FakeEmbedder(), records)}
    images = {record.file_name: record.image for record in records}
    write_dual_encoder_report(tmp_path, {}, results, images)
    assert not (tmp_path / "confusion_matrix.png").exists()
    assert "Zero-shot" not in (tmp_path / "report.md").read_text()


def test_search_results(records, tmp_path):
    images = {record.file_name: record.image for record in records}
    hits = [{"file_name": name, "score": 0.25} for name in list(images)[:2]]
    results = [{"query": "Häuser / am Meer?", "hits": hits}, {"query": "…", "hits": hits}]
    write_search_report(tmp_path / "out", {}, results, images)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "metrics.json", "report.md", "search_01_häuser_am_meer.png", "search_02_query.png",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["queries"] == results
    assert f"| 2    | 0.250 | {hits[1]['file_name']} |" in (tmp_path / "out/report.md").read_text()


def test_a_search_shows_a_name_that_is_not_utf_8(records, tmp_path):
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    hits = [{"file_name": name, "score": 0.25}]
    write_search_report(
        tmp_path / "out", {}, [{"query": "red", "hits": hits}], {name: records[0].image}
    )
    assert r"caf\udce9.png" in (tmp_path / "out/report.md").read_text()


def test_it_loads_no_tensorflow():
    code = (
        "import sys, kclip.reports.dual_encoder, kclip.reports.multilabel; "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
