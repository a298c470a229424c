"""A writer that is killed, at each of its writes."""

import shutil

import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.retrieval import storage, updating
from kclip.retrieval.index import ImageIndex

BATCH = 4


class Killed(BaseException):
    """Stands for the end of the process: no `except Exception` sees it."""


class Death:
    """Counts writes to the disk and lets the process die at one of them, half-way through."""

    def __init__(self, monkeypatch, at):
        self.left = at
        write, replace = storage.append, storage.os.replace
        monkeypatch.setattr("kclip.retrieval.writing.append", self._half(write))
        monkeypatch.setattr("kclip.files.os.replace", self._before(replace))

    def _half(self, write):
        def append(path, position, data):
            if self._comes():
                write(path, position, data[: len(data) // 2])
                raise Killed
            write(path, position, data)

        return append

    def _before(self, replace):
        def replaced(source, target):
            if self._comes():
                raise Killed
            replace(source, target)

        return replaced

    def _comes(self):
        self.left -= 1
        return self.left == 0


def state(index):
    rows = {place.name: index.embeddings([row]).tolist() for row, place in index.places()}
    assert len(rows) == len(index)
    return rows


@pytest.fixture
def images(tmp_path, monkeypatch):
    monkeypatch.setattr(updating, "BATCH", BATCH)
    write_color_images(tmp_path / "images", per_color=2, size=8)
    return tmp_path / "images"


def killed_build(folder, images, at):
    """How many images were embedded, and whether the build was killed."""
    embedder = FakeEmbedder()
    with pytest.MonkeyPatch.context() as patch:
        Death(patch, at)
        try:
            ImageIndex.build(folder, embedder, [images])
        except Killed:
            return embedder.num_embedded, True
    return embedder.num_embedded, False


def test_a_build_loses_at_most_the_batch_at_work(images, tmp_path):
    whole = state(ImageIndex.build(tmp_path / "whole", FakeEmbedder(), [images]))
    at, killed = 0, True
    while killed:
        at += 1
        folder = tmp_path / f"killed_{at}"
        embedded, killed = killed_build(folder, images, at)
        kept = {}
        if (folder / "index.json").exists():
            kept = state(ImageIndex.open(folder))
            assert kept.items() <= whole.items()
        assert len(kept) >= embedded - BATCH
        again = FakeEmbedder()
        assert state(ImageIndex.build(folder, again, [images])) == whole
        assert again.num_embedded == len(whole) - len(kept)
    assert at > 3 * 4  # three batches, each of three files and a manifest


def test_what_was_written_before_the_disk_was_full_stays(images, tmp_path, monkeypatch):
    write, calls = storage.append, []

    def full(path, position, data):
        calls.append(path)
        if len(calls) > 4:
            raise OSError(28, "No space left on device")
        write(path, position, data)

    monkeypatch.setattr("kclip.retrieval.writing.append", full)
    with pytest.raises(OSError, match="No space left"):  # a sentence of the command line
        ImageIndex.build(tmp_path / "index", FakeEmbedder(), [images])
    assert len(ImageIndex.open(tmp_path / "index")) == BATCH


def test_images_that_were_only_moved_are_written_at_once(images, tmp_path, monkeypatch):
    index = ImageIndex.build(tmp_path / "index", FakeEmbedder(), [images])
    images.rename(tmp_path / "moved")
    commits, write = [], storage.append

    def counted(path, position, data):
        commits.append(path.name)
        write(path, position, data)

    monkeypatch.setattr("kclip.retrieval.writing.append", counted)
    embedder = FakeEmbedder()
    moved = index.update(embedder, [tmp_path / "moved"])
    assert embedder.num_embedded == 0 and state(moved) == state(index)
    assert commits == ["codes-1.bin", "rows-1.bin", "names-1.bin"]


def test_an_update_is_whole_in_the_end_wherever_it_was_killed(images, tmp_path):
    ImageIndex.build(tmp_path / "index", FakeEmbedder(), [images])
    before = state(ImageIndex.open(tmp_path / "index"))
    for path in sorted(images.iterdir())[1:]:  # enough for the others to be written anew
        path.unlink()
    for number, path in enumerate(write_color_images(tmp_path / "new", 1, size=9)):
        path.rename(images / f"new_{number}.png")
    shutil.copy(images / "new_5.png", images / "blue_1.png")
    whole = state(ImageIndex.build(tmp_path / "whole", FakeEmbedder(), [images]))
    known = before | whole
    at, killed = 0, True
    while killed:
        at += 1
        folder = tmp_path / f"killed_{at}"
        shutil.copytree(tmp_path / "index", folder)
        embedded, killed = killed_build(folder, images, at)
        for name, row in state(ImageIndex.open(folder)).items():
            np.testing.assert_allclose(row, known[name] if name != "blue_1.png" else row)
        again = FakeEmbedder()
        index = ImageIndex.build(folder, again, [images])
        assert state(index) == whole
        assert embedded + again.num_embedded <= 6 + BATCH
        assert {path.name for path in folder.iterdir()} == {
            "index.json", "lock", "codes-2.bin", "rows-2.bin", "names-2.bin"
        }  # fmt: skip
    assert at > 12
