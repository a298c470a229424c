import json
import multiprocessing
from pathlib import Path

import pytest
from image_files import noise_png

from kclip.data.image_record import ImageRecord
from kclip.data.records.encoding import Encoding
from kclip.data.records.metadata import write_metadata
from kclip.data.records.writer import build_shards, open_split
from kclip.errors import KclipError, UserError

NUM_SHARDS = {"train": 4, "validation": 2}


def records(split, count):
    images = [noise_png(i) if i % 5 else b"words" for i in range(count)]
    return [ImageRecord(f"{split}{i}", f"{i}.png", images[i]) for i in range(count)]


SPLITS = {"train": records("train", 21), "validation": records("validation", 6)}


def build(folder: Path, splits=SPLITS, workers=1, num_shards=NUM_SHARDS, **settings):
    return build_shards(splits, folder, Encoding(), num_shards, workers, settings)


def shard_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("kclip-*")}


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path):
    results = [build(tmp_path / str(workers), workers=workers) for workers in (1, 2, 3)]
    assert len(shard_bytes(tmp_path / "1")) == 6
    for other in (2, 3):
        assert shard_bytes(tmp_path / "1") == shard_bytes(tmp_path / str(other))
        assert results[0].shards == results[other - 1].shards
    assert not multiprocessing.active_children()


def test_a_second_build_has_nothing_to_do(tmp_path):
    first = build(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("kclip-*")}
    second = build(tmp_path, workers=2)
    assert (first.num_written, second.num_written) == (6, 0)
    assert second.shards == first.shards
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.glob("kclip-*")}


def test_only_missing_shards_are_written(tmp_path):
    build(tmp_path)
    before = shard_bytes(tmp_path)
    (tmp_path / "kclip-train.tfrecord-00001-of-00004").unlink()
    (tmp_path / "build/kclip-train.tfrecord-00002-of-00004.1234.tmp").write_bytes(b"half")
    assert build(tmp_path).num_written == 1
    assert shard_bytes(tmp_path) == before
    assert not list(tmp_path.glob("build/*.tmp"))


def test_another_request_is_refused(tmp_path):
    build(tmp_path, resize=None)
    before = shard_bytes(tmp_path)
    with pytest.raises(UserError, match="resize None then, 64 now.*another --output"):
        build(tmp_path, resize=64)
    with pytest.raises(UserError, match="other images, captions or labels"):
        build(tmp_path, {**SPLITS, "train": SPLITS["train"][::-1]}, resize=None)
    with pytest.raises(UserError, match="shards .*'train': 4.*'train': 3"):
        build(tmp_path, num_shards={"train": 3, "validation": 2}, resize=None)
    assert shard_bytes(tmp_path) == before


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(UserError, match="other files .such as thesis.doc"):
        build(tmp_path)
    with pytest.raises(UserError, match="is a file"):
        build(tmp_path / "thesis.doc")


def test_one_build_at_a_time(tmp_path):
    import fcntl

    build(tmp_path)
    with (tmp_path / "build/lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another build is running"):
            build(tmp_path)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device")])
def test_a_full_disk_is_told(tmp_path, monkeypatch, error):
    def full(job):
        raise error

    monkeypatch.setattr("kclip.data.records.workers.write_shard", full)
    with pytest.raises(KclipError, match="No space left.*run the same command again"):
        build(tmp_path)


def test_open_split_finds_shards_and_lengths(tmp_path):
    import tensorflow as tf

    with pytest.raises(UserError, match="no finished TFRecords"):
        open_split(tmp_path, "train")
    write_metadata(tmp_path, build(tmp_path).shards)
    split = open_split(tmp_path, "train")
    lengths = [sum(1 for _ in tf.data.TFRecordDataset(str(path))) for path in split.files]
    assert split.shard_lengths == lengths
    assert split.num_records == 16  # 21 less those that are words: 0, 5, 10, 15, 20
    with pytest.raises(UserError, match="no split 'dev'; it has train, validation"):
        open_split(tmp_path, "dev")


@pytest.mark.parametrize("change", [{"version": "1.0.0"}, {"name": "mnist"}])
def test_records_of_another_version_are_not_opened(tmp_path, change):
    write_metadata(tmp_path, build(tmp_path).shards)
    path = tmp_path / "dataset_info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=r"in version 2.0.0 of its records, so build it again"):
        open_split(tmp_path, "train")


def test_a_build_of_another_version_is_another_request(tmp_path, monkeypatch):
    build(tmp_path)
    monkeypatch.setattr("kclip.data.records.writer.SCHEMA_VERSION", "9.0.0")
    with pytest.raises(UserError, match="schema '2.0.0' then, '9.0.0' now"):
        build(tmp_path)


def test_an_unfinished_folder_is_not_opened(tmp_path):
    write_metadata(tmp_path, build(tmp_path).shards)
    (tmp_path / "kclip-train.tfrecord-00001-of-00004").unlink()
    build(tmp_path)  # writes the shard, but somebody else has to call it complete
    with pytest.raises(UserError, match="no finished TFRecords"):
        open_split(tmp_path, "train")
