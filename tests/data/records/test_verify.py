from pathlib import Path

import pytest
from image_files import noise_png

from kclip.data.image_record import ImageRecord
from kclip.data.records.encoding import Encoding
from kclip.data.records.metadata import write_metadata
from kclip.data.records.rejected import write_rejected
from kclip.data.records.verify import verify_build
from kclip.data.records.writer import build_shards
from kclip.errors import KclipError, UserError

FIRST, SECOND = (f"kclip-train.tfrecord-0000{i}-of-00002" for i in range(2))


@pytest.fixture
def built(tmp_path) -> Path:
    splits = {"train": [ImageRecord(str(i), f"{i}.png", noise_png(i)) for i in range(4)]}
    result = build_shards(splits, tmp_path, Encoding(), {"": 2}, 1, {})
    write_rejected(tmp_path, [])
    write_metadata(tmp_path, result.shards)
    return tmp_path


def test_a_sound_build_is_counted(built):
    assert verify_build(built) == {"train": 4}


def test_a_folder_without_a_build_is_a_mistake(tmp_path):
    with pytest.raises(UserError, match="no finished TFRecords"):
        verify_build(tmp_path)


def flip_a_bit(path: Path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def cut(path: Path):
    path.write_bytes(path.read_bytes()[:-3])


def drop_a_record(path: Path):
    length = int.from_bytes(path.read_bytes()[:8], "little") + 16
    path.write_bytes(path.read_bytes()[length:])


def replace_by_the_other(path: Path):
    path.write_bytes((path.parent / SECOND).read_bytes())


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip_a_bit, "damaged"),
        (cut, "cut off"),
        (drop_a_record, "1 records, expected 2"),
        (replace_by_the_other, "another checksum"),
        (Path.unlink, "missing"),
    ],
)
def test_damage_is_named(built, damage, reason):
    damage(built / FIRST)
    with pytest.raises(KclipError, match=f"{FIRST} .*{reason}.*delete") as caught:
        verify_build(built)
    assert SECOND not in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_missing_report_is_named(built):
    (built / "rejected.csv").unlink()
    with pytest.raises(KclipError, match="rejected.csv .missing"):
        verify_build(built)
