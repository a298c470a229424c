import io

import pytest

from kclip.data.records.file_format import read_records, write_record
from kclip.errors import KclipError

PAYLOADS = [b"", b"a", bytes(range(256)) * 300]


def written() -> bytes:
    file = io.BytesIO()
    for payload in PAYLOADS:
        write_record(file, payload)
    return file.getvalue()


def test_bytes_are_those_of_tensorflow(tmp_path):
    import tensorflow as tf

    path = tmp_path / "by_tensorflow"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
    assert written() == path.read_bytes()


def test_reads_what_it_wrote():
    assert list(read_records(io.BytesIO(written()))) == PAYLOADS


def test_every_changed_byte_is_noticed():
    data = written()
    for position in [*range(40), len(data) - 1]:
        damaged = bytearray(data)
        damaged[position] ^= 1
        with pytest.raises(KclipError, match="damaged"):
            list(read_records(io.BytesIO(bytes(damaged))))


def test_a_cut_file_is_noticed():
    data = written()
    for length in (1, 11, 15, 20, len(data) - 1):
        with pytest.raises(KclipError, match="damaged"):
            list(read_records(io.BytesIO(data[:length])))
