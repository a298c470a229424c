import pytest

from kclip.data.image_record import Rejection
from kclip.data.sources.folders import read_class_folders
from kclip.errors import UserError


def test_class_folders_become_labels(tmp_path):
    for name in ("dog/1.jpg", "dog/old/2.png", "cat/1.jpg", "stray.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    source = read_class_folders(tmp_path)
    assert [(r.id, r.labels, r.split) for r in source.records] == [
        ("cat/1.jpg", ("cat",), "train"),
        ("dog/1.jpg", ("dog",), "train"),
        ("dog/old/2.png", ("dog",), "train"),
    ]
    assert source.rejections == [Rejection("stray.jpg", "no class folder")]


def test_class_folders_below_split_folders(tmp_path):
    for name in ("train/dog/1.jpg", "val/dog/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    records = read_class_folders(tmp_path).records
    assert [(r.id, r.labels, r.split) for r in records] == [
        ("train/dog/1.jpg", ("dog",), "train"),
        ("val/dog/1.jpg", ("dog",), "val"),
    ]


def test_images_without_class_folders_are_a_mistake(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match="3 images but no class folders"):
        read_class_folders(tmp_path)
