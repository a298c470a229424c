import pytest
from small_run import write_records

from kclip.data.pipeline.split_reading import iterate_labels, iterate_texts
from kclip.data.records.reading import iterate_split, parse_record
from kclip.data.records.schema import serialize
from kclip.data.records.writer import open_split
from kclip.errors import KclipError


def test_records_come_back_as_they_were_written():
    texts = {
        "id": "ü/7",
        "file_name": "ü/7.png",
        "captions": ["a dot", "", "x" * 300],
        "labels": ["dog"],
        "ignored_labels": ["cat", "cow"],
    }
    record = parse_record(serialize(image=b"\x00\xff" * 500, height=300, width=2, **texts), "dev")
    assert (record.id, record.file_name, record.image) == ("ü/7", "ü/7.png", b"\x00\xff" * 500)
    assert record.captions == ("a dot", "", "x" * 300)
    assert (record.labels, record.ignored_labels) == (("dog",), ("cat", "cow"))
    assert record.split == "dev"


def test_a_build_is_read_as_tensorflow_reads_it(tmp_path):
    records = write_records(tmp_path, num_train=9, num_dev=3, shards="2")
    read = list(iterate_split(records, "train"))
    files = open_split(records, "train")
    assert [(r.file_name, list(r.captions)) for r in read] == [
        (name, captions) for _, name, captions in iterate_texts(files)
    ]
    assert [list(r.labels) for r in read] == [labels for _, labels in iterate_labels(files)]
    assert all(r.image == (tmp_path / "source/images" / r.file_name).read_bytes() for r in read)


def test_a_damaged_shard_is_named(tmp_path):
    records = write_records(tmp_path, num_train=4, num_dev=2, shards="1")
    (path,) = records.glob("kclip-train*")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(KclipError, match="kclip-train.*damaged or cut off; build it again"):
        list(iterate_split(records, "train"))
