from pathlib import Path

import pytest

from kclip.files import folder_replaced_when_done, replaced_when_done


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
