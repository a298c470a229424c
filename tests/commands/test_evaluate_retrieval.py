import json

import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.cli import main


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of 18 images with two captions each, and a model that knows colours."""
    paths = write_color_images(tmp_path / "images")
    rows = [f"{path.name},a {path.stem.split('_')[0]} wall" for path in paths for _ in range(2)]
    (tmp_path / "captions.csv").write_text("\n".join(["image,caption", *rows]) + "\n")
    monkeypatch.setattr("kclip.inference.embedder.Embedder.from_name", lambda _: FakeEmbedder())
    return tmp_path


def evaluate(data, *options):
    flags = ["--model", "m", "--images", str(data / "images"), "--output", str(data / "out")]
    main("evaluate_retrieval", [*flags, "--captions", str(data / "captions.csv"), *options])


def failure(capsys, data, *options):
    with pytest.raises(SystemExit) as exit_info:
        evaluate(data, *options)
    return exit_info.value.code, capsys.readouterr().err


def test_metrics_pictures_and_report(data, capsys):
    evaluate(data)
    metrics = json.loads((data / "out" / "metrics.json").read_text())
    assert (metrics["num_images"], metrics["num_captions"]) == (18, 36)
    for direction in ("text_to_image", "image_to_text"):
        assert {"recall@1", "recall@5", "recall@10", "median_rank"} <= set(metrics[direction])
    # Three images share each caption's colour, so the right one is among the first three.
    assert metrics["text_to_image"]["recall@5"] == 1.0
    assert {path.name for path in (data / "out").iterdir()} == {
        "metrics.json", "report.md", "retrieval.png", "retrieval_examples.png",
    }  # fmt: skip
    output = capsys.readouterr().out
    assert "| text → image  " in output and "report.md" in output


def test_a_split_file_picks_the_images(data):
    (data / "dev.txt").write_text("red_0.png\nblue_1.png\n")
    evaluate(data, "--split-file", str(data / "dev.txt"))
    metrics = json.loads((data / "out" / "metrics.json").read_text())
    assert (metrics["num_images"], metrics["num_captions"]) == (2, 4)
    assert metrics["text_to_image"]["recall@1"] == 1.0


def test_missing_images_are_named_and_too_many_are_an_error(data, capsys):
    for name in ("red_0", "red_1", "blue_0", "grey_2"):
        (data / "images" / f"{name}.png").unlink()
    with pytest.raises(SystemExit) as exit_info:
        evaluate(data)
    output = capsys.readouterr()
    assert exit_info.value.code == 2
    assert "left out: red_1.png: missing" in output.err
    assert "4 of 18 images can't be used, more than the 1%" in output.err
    assert not (data / "out").exists()


def test_one_missing_image_in_many_goes_by(data, capsys):
    write_color_images(data / "images", per_color=20)
    rows = [f"{path.name},a wall" for path in (data / "images").iterdir()]
    (data / "captions.csv").write_text("\n".join(["image,caption", *rows, "gone.png,x"]) + "\n")
    evaluate(data)
    assert "left out: gone.png: missing" in capsys.readouterr().err
    assert json.loads((data / "out" / "metrics.json").read_text())["num_images"] == 120


def test_an_empty_caption_does_not_count_as_a_lost_image(data):
    with (data / "captions.csv").open("a") as file:
        file.write("red_0.png,\n")
    evaluate(data)
    assert json.loads((data / "out" / "metrics.json").read_text())["num_captions"] == 36


def test_wrong_column(data, capsys):
    (data / "captions.csv").write_text("file,text\nred_0.png,a wall\n")
    code, message = failure(capsys, data)
    assert code == 2
    assert "'file', 'text'" in message and "'image', 'caption'" in message


@pytest.mark.parametrize("flag", ["--images", "--captions", "--split-file"])
def test_a_path_that_is_not_there(data, capsys, flag):
    code, message = failure(capsys, data, flag, str(data / "nowhere"))
    assert code == 2
    assert "nowhere" in message and len(message.strip().splitlines()) == 1


def test_a_model_that_is_not_there(data, capsys, monkeypatch):
    monkeypatch.undo()
    code, message = failure(capsys, data, "--model", str(data / "no_model"))
    assert code == 2
    assert "no_model" in message
