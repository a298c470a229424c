"""Commands from Python: public classes whose `run()` returns what they write."""

import importlib
import inspect
import json

import pytest
from fake_embedder import FakeEmbedder, write_color_images

import kclip
from kclip.cli import COMMANDS


@pytest.mark.parametrize(("name", "class_name"), [(n, c) for n, (c, _) in COMMANDS.items()])
def test_every_command_says_what_it_returns(name, class_name):
    run = getattr(importlib.import_module(f"kclip.commands.{name}"), class_name).run
    assert inspect.signature(run).return_annotation is not None
    assert "Returns:" in run.__doc__


@pytest.fixture
def images(tmp_path, monkeypatch):
    """18 images of six colours, their captions, and a model that knows colours."""
    paths = write_color_images(tmp_path / "images")
    rows = [f"{path.name},a {path.stem.split('_')[0]} wall" for path in paths]
    (tmp_path / "captions.csv").write_text("\n".join(["image,caption", *rows]) + "\n")
    monkeypatch.setattr("kclip.inference.embedder.Embedder.from_name", lambda _: FakeEmbedder())
    return tmp_path


def test_an_evaluation_returns_its_metrics(images):
    results = kclip.EvaluateRetrieval(
        model="m",
        images=images / "images",
        captions=images / "captions.csv",
        output=images / "out",
    ).run()
    assert json.loads((images / "out" / "metrics.json").read_text()) == json.loads(
        json.dumps(results)
    )
    assert results["num_images"] == 18


def test_a_search_returns_its_hits(images):
    results = kclip.SearchImages(
        queries=("red", "blue"), model="m", images=images / "images", output=images, top_k=3
    ).run()
    assert [result["query"] for result in results] == ["red", "blue"]
    found = [{hit["file_name"].split("_")[0] for hit in result["hits"]} for result in results]
    assert found == [{"red"}, {"blue"}]


def test_a_build_returns_the_records_of_each_split(images):
    build = kclip.BuildTFRecords(
        source="csv",
        images=images / "images",
        captions=images / "captions.csv",
        validation_fraction=1 / 3,
        find_copies=False,
        workers=1,
        output=images / "records",
    )
    assert build.run() == {"train": 12, "validation": 6}
    assert kclip.BuildTFRecords(verify=True, output=images / "records").run() == {
        "train": 12,
        "validation": 6,
    }
