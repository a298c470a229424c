import csv
import io
import json
import os
import re
import sys

import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.cli import main


@pytest.fixture
def data(tmp_path, monkeypatch):
    write_color_images(tmp_path / "images")
    embedder = FakeEmbedder()
    monkeypatch.setattr("kclip.inference.embedder.Embedder.from_name", lambda _: embedder)
    monkeypatch.chdir(tmp_path)
    return embedder


def run(*options):
    main("search_images", ["--model", "m", "--images", "images", *options])


def failure(capsys, *options):
    with pytest.raises(SystemExit) as exit_info:
        run(*options)
    return exit_info.value.code, capsys.readouterr().err


def test_a_table_and_a_grid_for_each_query(data, tmp_path, capsys):
    run("a red wall", "something blue", "--top-k", "3", "--output", "out")
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("something blue")
    assert {line.split()[1] for line in lines[at + 1 : at + 4]} == {
        f"images/blue_{n}.png" for n in range(3)
    }
    scores = [float(line.split()[0]) for line in lines[at + 1 : at + 4]]
    assert scores == sorted(scores, reverse=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "index", "metrics.json", "report.md",
        "search_01_a_red_wall.png", "search_02_something_blue.png",
    }  # fmt: skip
    queries = json.loads((tmp_path / "out" / "metrics.json").read_text())["queries"]
    assert [query["query"] for query in queries] == ["a red wall", "something blue"]
    assert [len(query["hits"]) for query in queries] == [3, 3]


def test_nine_hits_below_runs_unless_told_otherwise(data, tmp_path):
    run("green")
    metrics = json.loads((tmp_path / "runs" / "search" / "metrics.json").read_text())
    assert len(metrics["queries"][0]["hits"]) == 9


def test_the_index_is_made_once(data):
    run("red", "--output", "out")
    run("green", "--output", "out")
    assert data.num_embedded == 18


def test_more_wanted_than_there_are(data, tmp_path):
    run("red", "--top-k", "50", "--output", "out")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert len(metrics["queries"][0]["hits"]) == 18


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "at least one query"),
        (["  "], "at least one query"),
        (["red", "--top-k", "0"], "--top-k is 0; give a number from 1"),
        (["red", "--images", "nowhere"], "nowhere is not a folder"),
        (["red", "--index", "index"], "not both"),
        (["red", "--update"], "with --images the index is always up to date"),
    ],
)
def test_requests_that_cannot_be_met(data, capsys, options, message):
    code, error = failure(capsys, *options)
    assert code == 2
    assert message in error and len(error.strip().splitlines()) == 1


def test_files_that_cannot_be_read_are_left_out_named_and_counted(data, tmp_path, capsys):
    (tmp_path / "images" / "broken.png").write_bytes(b"no image")
    (tmp_path / "images" / "raw.cr2").touch()
    for _ in range(2):  # the second time from the index
        run("red", "--output", "out")
        report = (tmp_path / "out" / "report.md").read_text()
        assert re.search(r"left out +\| 2 files that can't be read here", report)
    output = capsys.readouterr().err
    assert "left out: images/broken.png: not an image" in output
    assert "left out: images/raw.cr2: unreadable kind: .cr2 is a camera's raw file" in output


def test_an_index_is_asked_as_it_is_and_brought_up_to_date_when_told(data, tmp_path, capsys):
    main("index_images", ["images", "--model", "m", "--output", "index"])
    assert capsys.readouterr().out == "18 images are in index\n"
    (tmp_path / "images" / "red_0.png").unlink()
    ask = ["a red wall", "--index", "index", "--top-k", "3", "--output", "out"]
    main("search_images", ask)
    output = capsys.readouterr()
    assert "images/red_0.png" in output.out
    assert "can't be shown: images/red_0.png: missing" in output.err
    main("search_images", [*ask, "--update"])
    assert "images/red_0.png" not in capsys.readouterr().out
    assert data.num_embedded == 18


def test_an_index_is_brought_up_to_date_from_what_it_was_made_of(data, tmp_path, capsys):
    main("index_images", ["images", "--model", "m", "--output", "index", "--codes", "int8"])
    write_color_images(tmp_path / "images" / "more", per_color=1, size=16)
    main("index_images", ["--output", "index"])
    assert capsys.readouterr().out.endswith("24 images are in index\n")
    assert data.num_embedded == 24


def test_a_name_that_is_not_utf_8_and_one_with_a_line_break(data, tmp_path, capsys):
    images = tmp_path / "images"
    (images / "red_0.png").rename(images / os.fsdecode(b"caf\xe9.png"))
    (images / "red_1.png").rename(images / "new\nline.png")
    run("red", "--output", "out", "--top-k", "3")
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[1] for line in lines[2:5]} == {
        r"images/caf\udce9.png", r"images/new\nline.png", "images/red_2.png",
    }  # fmt: skip
    assert r"caf\udce9.png" in (tmp_path / "out" / "report.md").read_text()


def test_a_folder_without_images(data, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    code, error = failure(capsys, "red", "--images", "empty")
    assert code == 2
    assert "holds no images" in error


def test_approximate_search_finds_the_same_in_a_small_folder(data, capsys):
    pytest.importorskip("faiss")
    printed = []
    for options in ([], ["--approximate"]):
        run("red", "--output", "out", *options)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_approximate_search_without_faiss_names_the_extra(data, capsys, monkeypatch):
    monkeypatch.setattr("kclip.retrieval.approximate.find_spec", lambda _: None)
    code, message = failure(capsys, "red", "--approximate", "--output", "out")
    assert code == 2
    assert 'pip install "keras-clip[search]"' in message


def test_a_name_that_is_not_utf_8_is_found_and_shown(data, tmp_path, capsys):
    folder = os.fsencode(tmp_path / "images")
    os.rename(os.path.join(folder, b"red_0.png"), os.path.join(folder, b"red_caf\xe9.png"))
    run("a red wall", "--top-k", "3", "--output", "out")
    assert r"red_caf\udce9.png" in capsys.readouterr().out
    assert r"red_caf\udce9.png" in (tmp_path / "out" / "report.md").read_text()
    (query,) = json.loads((tmp_path / "out" / "metrics.json").read_text())["queries"]
    found = {os.fsencode(hit["file_name"]) for hit in query["hits"]}
    assert found == {b"red_caf\xe9.png", b"red_1.png", b"red_2.png"}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["search_images", "red"], "give --index, a folder of index_images, or --images"),
        (["search_images", "red", "--images", "images"], "give --model"),
        (["search_images", "red", "--index", "nowhere"], "nowhere holds no index"),
        (["index_images"], "runs/index holds no index yet; give folders of images, and --model"),
        (["index_images", "images"], "give folders of images, and --model"),
        (["index_images", "nowhere", "--model", "m"], "nowhere is not a folder of images"),
        (["index_images", "images", "--model", "m", "--output", "images"], "holds other files"),
    ],
)
def test_what_an_index_takes(data, capsys, command, message):
    with pytest.raises(SystemExit) as exit_info:
        main(command[0], command[1:])
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err


def test_short_names_of_commands(data, capsys):
    for argv in (["index", "images", "--model", "m"], ["search", "red", "--index", "runs/index"]):
        main(argv=argv)
    assert "images/red_0.png" in capsys.readouterr().out


def test_json_csv_and_pages(data, tmp_path, capsys):
    run("red", "blue", "--json", "--top-k", "2", "--page", "2", "--csv", "hits.csv")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["query"] for line in lines] == ["red", "blue"]
    assert [len(line["hits"]) for line in lines] == [2, 2]
    assert lines[0]["hits"][0]["path"].startswith("images/red_")
    assert not lines[0]["hits"][1]["path"].startswith("images/red_")  # there are three
    with open("hits.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["3", "4", "3", "4"]
    assert [row["path"] for row in rows] == [hit["path"] for line in lines for hit in line["hits"]]
    assert not (tmp_path / "runs" / "search" / "report.md").exists()


def test_queries_from_standard_input(data, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("red\n\nimages/blue_0.png\n"))
    run("-", "--json", "--top-k", "1")
    red, blue = map(json.loads, capsys.readouterr().out.splitlines())
    assert [red["query"], blue["query"]] == ["red", "images/blue_0.png"]
    assert blue["hits"][0]["file_name"] == "blue_0.png"
    assert blue["hits"][0]["score"] == pytest.approx(1, abs=1e-3)


def test_a_prompt_stays_after_a_mistake(data, monkeypatch, capsys):
    typed = iter(["red", "gone.png", "blue"])

    def answer(prompt):
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    run("--top-k", "1")
    output = capsys.readouterr().out
    assert "images/red_" in output and "images/blue_" in output
    assert "there is no image 'gone.png'" in output


def test_filters_and_combinations(data, tmp_path, capsys):
    (tmp_path / "t.csv").write_text("image,kind\nred_0.png,wall\nblue_0.png,sea\n")
    options = ["--table", "t.csv", "--where", "kind=sea", "--json"]
    run(*options, "red + 0.5*images/green_0.png - blue", "--read-as", "combination")
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert [hit["file_name"] for hit in line["hits"]] == ["blue_0.png"]


def test_a_part_of_an_image_as_query(data, capsys):
    run("images/red_0.png", "--crop", "2,2,8,8", "--top-k", "1", "--json")
    assert "red_" in json.loads(capsys.readouterr().out)["hits"][0]["path"]
    code, error = failure(capsys, "images/red_0.png", "--crop", "2,2,80,8")
    assert code == 2 and "is no part of images/red_0.png, which is 24 x 24 pixels" in error
