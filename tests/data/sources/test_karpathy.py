import json

import pytest

from kclip.data.image_record import ImageRecord, Rejection
from kclip.data.sources.karpathy import read_karpathy
from kclip.errors import UserError


def write(tmp_path, images):
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps({"images": images, "dataset": "mine"}))
    return path


def entry(name, split, *texts, **more):
    return {"filename": name, "split": split, "sentences": [{"raw": t} for t in texts], **more}


def test_images_of_all_splits(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg"):
        (tmp_path / name).touch()
    path = write(
        tmp_path,
        [
            entry("a.jpg", "train", "A dog .", " ", imgid=3, filepath="val2014"),
            entry("b.jpg", "val", "B", imgid=4, sentids=[1]),
            entry("c.jpg", "restval", "C"),
            {"filename": "d.jpg", "split": "test", "sentences": [{"tokens": ["a", "d"]}]},
            entry("a.jpg", "test", "again"),
        ],
    )
    source = read_karpathy(tmp_path, path)
    assert source.records == [
        ImageRecord("3", "a.jpg", tmp_path / "a.jpg", ("A dog .",), (), "train"),
        ImageRecord("4", "b.jpg", tmp_path / "b.jpg", ("B",), (), "validation"),
        ImageRecord("c.jpg", "c.jpg", tmp_path / "c.jpg", ("C",), (), "train"),
        ImageRecord("d.jpg", "d.jpg", tmp_path / "d.jpg", ("a d",), (), "test"),
    ]
    assert source.rejections == [
        Rejection("a.jpg", "listed twice: images[4] of dataset.json"),
        Rejection("a.jpg", "empty caption"),
    ]


def test_sub_folders_where_they_exist(tmp_path):
    (tmp_path / "val2014").mkdir()
    (tmp_path / "val2014/a.jpg").touch()
    source = read_karpathy(
        tmp_path, write(tmp_path, [entry("a.jpg", "val", "A", filepath="val2014")])
    )
    assert source.records[0].image == tmp_path / "val2014/a.jpg"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({}, "holds no list of images"),
        ([{"split": "train"}], r"images\[0\] has 'split', but no 'filename'"),
        ([{"filename": "a.jpg", "split": "train"}], "has no list of 'sentences'"),
        ([entry("a.jpg", "train", 7)], "has a sentence with 'raw'; expected"),
        ([entry("a.jpg", "", "A")], "has the split ''; expected a word"),
    ],
)
def test_mistakes_are_told_in_one_sentence(tmp_path, images, message):
    with pytest.raises(UserError, match=message):
        read_karpathy(tmp_path, write(tmp_path, images))
