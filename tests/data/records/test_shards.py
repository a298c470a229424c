import io
import json
import os

import pytest
from image_files import noise_png

from kclip.data.image_record import ImageRecord, Rejection
from kclip.data.records.encoding import Encoding
from kclip.data.records.shards import (
    STATE_FOLDER,
    finished_result,
    inspect_shard,
    plan_shards,
    read_result,
    write_atomically,
    write_shard,
)
from kclip.errors import KclipError


def records(count):
    return [ImageRecord(str(i), f"{i}.png", noise_png(i), (f"noise {i}",)) for i in range(count)]


@pytest.fixture
def job(tmp_path):
    (tmp_path / STATE_FOLDER).mkdir()
    bad = ImageRecord("bad", "bad.png", b"words")
    return plan_shards({"train": [*records(3), bad]}, {}, tmp_path, Encoding())[0]


def test_shards_are_equally_long_and_in_order(tmp_path):
    everything = records(11)
    jobs = plan_shards({"train": everything}, {"train": 3}, tmp_path, Encoding())
    assert [len(job.records) for job in jobs] == [3, 4, 4]
    assert [record for job in jobs for record in job.records] == everything
    assert [job.path.name for job in jobs][2] == "kclip-train.tfrecord-00002-of-00003"


def test_number_of_shards_follows_size_and_wishes(tmp_path):
    everything = [ImageRecord(str(i), "x", b"") for i in range(1000)]
    splits = {"train": everything, "validation": everything[:3]}

    def counts(num_shards):
        jobs = plan_shards(splits, num_shards, tmp_path, Encoding())
        return [sum(job.split == split for job in jobs) for split in splits]

    assert counts({}) == [4, 1]  # 256 images each
    assert counts({"": 2}) == [2, 2]
    assert counts({"": 7, "train": 2}) == [2, 3]  # never more shards than images


def test_a_shard_holds_its_records_without_the_bad_ones(job):
    import tensorflow as tf

    result = write_shard(job)
    assert result.num_records == 3
    assert result.rejections == (Rejection("bad.png", "not an image"),)
    found = [
        tf.train.Example.FromString(r.numpy()).features.feature["id"].bytes_list.value[0]
        for r in tf.data.TFRecordDataset(str(job.path))
    ]
    assert found == [b"0", b"1", b"2"]
    assert inspect_shard(job.path) == (3, result.sha256)
    assert read_result(job.path) == result
    assert not list(job.path.parent.glob("**/*.tmp"))


def test_only_an_untouched_shard_of_the_same_job_is_finished(job, tmp_path):
    assert finished_result(job) is None
    result = write_shard(job)
    assert finished_result(job) == result
    other = plan_shards({"train": records(4)}, {}, tmp_path, Encoding())[0]
    assert finished_result(other) is None
    smaller = plan_shards({"train": job.records}, {}, tmp_path, Encoding(resize=4))[0]
    assert finished_result(smaller) is None
    job.path.write_bytes(job.path.read_bytes()[:-1])
    assert finished_result(job) is None
    job.path.unlink()
    assert finished_result(job) is None


def test_a_repaired_image_file_makes_its_shard_unfinished(tmp_path):
    (tmp_path / STATE_FOLDER).mkdir()
    image = tmp_path / "a.png"
    record = ImageRecord("a", "a.png", image)
    job = plan_shards({"train": [record]}, {}, tmp_path, Encoding())[0]
    assert write_shard(job).rejections == (Rejection("a.png", "missing"),)
    assert finished_result(job)
    image.write_bytes(noise_png(0))
    assert finished_result(job) is None
    assert write_shard(job).num_records == 1


def test_another_image_of_as_many_bytes_makes_its_shard_unfinished(tmp_path):
    (tmp_path / STATE_FOLDER).mkdir()
    image = tmp_path / "a.png"
    image.write_bytes(noise_png(0))
    os.utime(image, ns=(1, 1))
    record = ImageRecord("a", "a.png", image)
    job = plan_shards({"train": [record]}, {}, tmp_path, Encoding())[0]
    write_shard(job)
    assert finished_result(job)
    image.write_bytes(noise_png(0)[:-1] + b"x")
    os.utime(image, ns=(2, 2))
    assert finished_result(job) is None


def test_a_disk_that_loses_data_is_noticed(job, monkeypatch):
    monkeypatch.setattr("kclip.data.records.shards.write_record", lambda file, payload: None)
    with pytest.raises(OSError, match="holds 0 records after 3"):
        write_shard(job)
    assert not job.path.exists()


def test_inspect_notices_damage(job):
    write_shard(job)
    data = bytearray(job.path.read_bytes())
    data[len(data) // 2] ^= 1
    job.path.write_bytes(bytes(data))
    with pytest.raises(KclipError, match="damaged"):
        inspect_shard(job.path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    (tmp_path / STATE_FOLDER).mkdir()
    write_atomically(tmp_path / "x.json", json.dumps(1).encode())
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(io.UnsupportedOperation()))
    with pytest.raises(OSError):
        write_atomically(tmp_path / "x.json", b"2")
    assert (tmp_path / "x.json").read_bytes() == b"1"
