import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kclip.files import (
    OutsideFolderError,
    folder_replaced_when_done,
    folder_when_done,
    path_inside,
    replaced_when_done,
    write_csv,
    write_metrics,
    write_text,
)
from kclip.reading import read_history


def test_the_file_appears_whole_in_a_new_folder(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with replaced_when_done(path) as temporary:
        temporary.write_text("a,b\n")
        assert not path.exists()
        assert temporary.suffix == ".csv"
    assert path.read_text() == "a,b\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replaced_when_done(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_scratch_folder_holds_the_unfinished_file(tmp_path):
    scratch = tmp_path / "build"
    scratch.mkdir()
    with replaced_when_done(tmp_path / "a.bin", scratch, durable=True) as temporary:
        temporary.write_bytes(b"1")
        assert temporary.parent == scratch and temporary.suffix == ".tmp"
    assert (tmp_path / "a.bin").read_bytes() == b"1" and list(scratch.iterdir()) == []


def test_a_folder_is_replaced_when_the_new_one_is_complete(tmp_path):
    path = tmp_path / "runs" / "model"
    with folder_replaced_when_done(path) as new:
        (new / "old.txt").write_text("old")
    with folder_replaced_when_done(path) as new:
        (new / "new.txt").write_text("new")
        assert [file.name for file in path.iterdir()] == ["old.txt"]
    assert [file.name for file in path.iterdir()] == ["new.txt"]
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_cannot_be_completed_leaves_the_old_one(tmp_path):
    path = tmp_path / "model"
    with folder_replaced_when_done(path) as new:
        (new / "old.txt").write_text("old")
    with pytest.raises(ZeroDivisionError), folder_replaced_when_done(path) as new:
        (new / "new.txt").write_text("half")
        raise ZeroDivisionError
    assert [file.name for file in path.iterdir()] == ["old.txt"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_renamed_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.mkdir()
    (path / "old.txt").write_text("old")
    rename = Path.rename

    def full_disk(self, target):
        if self.parent.name.startswith(".model-") and self.name == "model":
            raise OSError("no space left")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full_disk)
    with pytest.raises(OSError, match="no space"), folder_replaced_when_done(path):
        pass
    assert [file.name for file in path.iterdir()] == ["old.txt"]


def test_metrics_survive_their_layout(tmp_path):
    results = {
        "a": [[1, 2], [3, 4]],
        "names": ["x [1]", "y {2},\n  z", "q\\"],
        "empty": [],
        "none": {},
        "deep": [{"rows": [{"k": [1.5, None]}]}],
        "text": "ä",
    }
    write_metrics(tmp_path / "metrics.json", results)
    text = (tmp_path / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text) == results
    assert "    [1, 2],\n" in text


def test_metrics_that_are_not_numbers_are_refused(tmp_path):
    with pytest.raises(ValueError):
        write_metrics(tmp_path / "metrics.json", {"accuracy": float("nan")})
    assert not (tmp_path / "metrics.json").exists()


def test_history_has_gaps(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss,val_loss\n0,2.5,2.0\n1,1.5,\n")
    history = read_history(tmp_path / "history.csv")
    assert history["loss"] == [2.5, 1.5]
    assert history["val_loss"][0] == 2.0
    assert np.isnan(history["val_loss"][1])


def test_names_that_are_not_utf_8_do_not_stop_a_file(tmp_path):
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")  # as Python reads it from a folder
    write_metrics(tmp_path / "metrics.json", {"file": name})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"file": name}
    write_text(tmp_path / "report.md", name)
    write_csv(tmp_path / "table.csv", ["file"], [[name]])
    assert (tmp_path / "report.md").read_text() == r"caf\udce9.png"
    assert (tmp_path / "table.csv").read_text().splitlines() == ["file", r"caf\udce9.png"]


@pytest.mark.parametrize(
    "text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"]
)
def test_a_table_has_no_formulas(tmp_path, text):
    write_csv(tmp_path / "table.csv", ["name", "score"], [[text, "-0.25"], ["a,b\nc", 1]])
    with (tmp_path / "table.csv").open(newline="") as file:
        _, first, second = csv.reader(file)
    assert first == [f"'{text}".replace("\r", "\n"), "-0.25"]
    assert second == ["a,b\nc", "1"]


@pytest.fixture
def folder_with_a_link(tmp_path):
    """`images` with the image a.png and the folder `link`, which leads beside `images`."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").touch()
    (tmp_path / "images/link").symlink_to(tmp_path)
    return tmp_path / "images"


@pytest.mark.parametrize("name", ["a.png", "zoo/b.png", "zoo/../a.png", "link/images/a.png"])
def test_names_within_a_folder(folder_with_a_link, name):
    assert path_inside(folder_with_a_link, name) == folder_with_a_link / name
    absolute = str(folder_with_a_link / name)
    assert str(path_inside(folder_with_a_link, absolute)) == absolute


@pytest.mark.parametrize("name", ["../b.png", "/etc/passwd", "zoo/../../b.png", "../images2/a.png"])
def test_names_that_lead_out_of_a_folder(folder_with_a_link, name):
    for follow_links in (False, True):
        with pytest.raises(OutsideFolderError, match="leads outside of"):
            path_inside(folder_with_a_link, name, follow_links=follow_links)
    assert path_inside(folder_with_a_link, name, allow_outside=True) == folder_with_a_link / name


def test_links_lead_out_only_where_they_may(folder_with_a_link):
    with pytest.raises(OutsideFolderError):
        path_inside(folder_with_a_link, "link/b.png")
    path = path_inside(folder_with_a_link, "link/b.png", follow_links=True)
    assert path == folder_with_a_link / "link/b.png"
    (folder_with_a_link.parent / "alias").symlink_to(folder_with_a_link)
    alias = folder_with_a_link.parent / "alias"  # the folder itself may be a link
    assert path_inside(alias, "a.png") == alias / "a.png"


def test_names_that_no_file_can_have(folder_with_a_link):
    with pytest.raises(OutsideFolderError):
        path_inside(folder_with_a_link, "a\0b")


def test_what_killed_processes_left_is_removed(tmp_path):
    program = (
        "import sys, os, signal; from pathlib import Path; from kclip.files import *\n"
        "with folder_when_done(Path(sys.argv[1]) / 'a') as folder:\n"
        "    (folder / 'half').touch(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    with folder_when_done(tmp_path / "a") as folder:
        with folder_replaced_when_done(tmp_path / "a") as other:  # ours is no leftover
            (other / "inner").touch()
        assert folder.is_dir()
        shutil.rmtree(tmp_path / "a")
        (folder / "whole").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "whole"]


def test_files_that_nobody_writes_into_any_more_are_removed(tmp_path):
    old, new, other = (tmp_path / f".a.{'0' * 7}{n}.txt" for n in range(3))
    for path in (old, new, other.with_name(".a.notes.txt")):
        path.touch()
    for path in (old, other.with_name(".a.notes.txt")):
        os.utime(path, (0, 0))
    write_text(tmp_path / "a.txt", "text")
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", new.name, ".a.notes.txt"}


def test_a_table_does_nothing_to_a_terminal(tmp_path):
    write_csv(tmp_path / "a.csv", ["a"], [["x\x1b[31m\x07\x9b2J"], ["\x00=1"], ["two\nlines\t"]])
    text = (tmp_path / "a.csv").read_text()
    assert text == 'a\nx\\x1b[31m\\x07\\x9b2J\n\\x00=1\n"two\nlines\t"\n'
