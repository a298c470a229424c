import json

import pytest
from fake_embedder import FakeEmbedder, write_class_folders, write_color_images

from kclip.cli import main


@pytest.fixture
def data(tmp_path, monkeypatch):
    write_class_folders(tmp_path / "images")
    monkeypatch.setattr("kclip.embedding.Embedder.from_folder", lambda _: FakeEmbedder())
    return tmp_path


def evaluate(data, *options):
    flags = ["--model", "m", "--images", str(data / "images"), "--output", str(data / "out")]
    main("evaluate_zero_shot", [*flags, *options])


def failure(capsys, data, *options):
    with pytest.raises(SystemExit) as exit_info:
        evaluate(data, *options)
    return exit_info.value.code, capsys.readouterr().err


def test_metrics_pictures_and_report(data, capsys):
    evaluate(data)
    metrics = json.loads((data / "out" / "metrics.json").read_text())
    names = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "top_5_accuracy")
    assert [metrics[name] for name in names] == [1.0] * 5
    assert metrics["templates"] == ["a photo of a {}."]
    assert {path.name for path in (data / "out").iterdir()} == {
        "metrics.json", "report.md", "confusion_matrix.png",
    }  # fmt: skip
    output = capsys.readouterr().out
    assert "| accuracy        | 100.0 %   |" in output
    assert "| purple | 100.0 %   | 100.0 % | 100.0 % | 3      |" in output


def test_templates_are_those_that_were_asked_for(data):
    evaluate(data, "--template", "a {} wall", "one {}", "small_pictures")
    templates = json.loads((data / "out" / "metrics.json").read_text())["templates"]
    assert templates[:2] == ["a {} wall", "one {}"]
    assert "a blurry photo of a {}." in templates


def test_a_template_without_braces(data, capsys):
    code, message = failure(capsys, data, "--template", "a photo")
    assert code == 2
    assert "'a photo' has no {}" in message


def test_a_flat_folder(data, capsys):
    write_color_images(data / "flat")
    code, message = failure(capsys, data, "--images", str(data / "flat"))
    assert code == 2
    assert "flat" in message and "no class folders" in message


def test_one_class(data, capsys):
    write_color_images(data / "single" / "red", per_color=1)
    code, message = failure(capsys, data, "--images", str(data / "single"))
    assert code == 2
    assert "at least two classes, got ['red']" in message


@pytest.mark.parametrize("make", [True, False])
def test_an_empty_or_missing_folder(data, capsys, make):
    if make:
        (data / "nothing").mkdir()
    code, message = failure(capsys, data, "--images", str(data / "nothing"))
    assert code == 2
    assert "nothing" in message and len(message.strip().splitlines()) == 1


def test_a_stray_image_beside_the_class_folders(data, capsys):
    (data / "images" / "red" / "red_0.png").rename(data / "images" / "stray.png")
    code, message = failure(capsys, data)
    assert code == 2  # 1 of 18 is more than 1 %
    assert "stray.png: no class folder" in message
