import json
from pathlib import Path

import pytest

from kclip.data.image_record import ImageRecord, Rejection
from kclip.data.sources.captions import read_captions_csv, read_coco_captions
from kclip.data.sources.folders import read_class_folders
from kclip.errors import UserError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (folder / name).touch()  # readers never open images
    return folder


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_collects_the_captions_of_each_image(tmp_path, images):
    text = '\ufeffimage,caption\na.jpg," Two, in quotes "\nb.jpg,B\n./a.jpg,third\n'
    source = read_captions_csv(write(tmp_path / "c.csv", text), images)
    assert source.records == [
        ImageRecord("a.jpg", "a.jpg", images / "a.jpg", ("Two, in quotes", "third")),
        ImageRecord("b.jpg", "b.jpg", images / "b.jpg", ("B",)),
    ]
    assert source.rejections == []


def test_csv_names_every_bad_row(tmp_path, images):
    text = "image,caption\na.jpg,good\na.jpg,  \nb.jpg\n,nameless\n"
    source = read_captions_csv(write(tmp_path / "c.csv", text), images)
    assert [(r.id, r.captions) for r in source.records] == [("a.jpg", ("good",))]
    assert sorted(source.rejections, key=lambda r: r.file_name) == [
        Rejection("a.jpg", "empty caption"),
        Rejection("b.jpg", "empty caption"),
        Rejection("c.csv line 5", "no file name"),
    ]


def test_csv_takes_only_listed_images(tmp_path, images):
    table = write(tmp_path / "c.csv", "image,caption\na.jpg,A\nb.jpg,B\nc.jpg,C\n")
    lists = {
        "train": write(tmp_path / "train.txt", "a.jpg\n\n"),
        "dev": write(tmp_path / "dev.txt", "b.jpg\na.jpg\nnew.jpg"),
    }
    source = read_captions_csv(table, images, lists)
    assert [(r.id, r.split) for r in source.records] == [("a.jpg", "train"), ("b.jpg", "dev")]
    assert source.rejections == [
        Rejection("a.jpg", "duplicate id: listed for dev, but in train already"),
        Rejection("new.jpg", "no row: listed in dev.txt only"),
    ]


def test_csv_errors_say_what_to_mend(tmp_path, images):
    wrong = write(tmp_path / "w.csv", "file,text\na.jpg,A\n")
    with pytest.raises(UserError, match="'file', 'text'; expected 'image', 'caption'"):
        read_captions_csv(wrong, images)
    with pytest.raises(UserError, match="no such file"):
        read_captions_csv(tmp_path / "none.csv", images)
    with pytest.raises(UserError, match="nothing; expected"):
        read_captions_csv(write(tmp_path / "e.csv", ""), images)
    table = write(tmp_path / "c.csv", "image,caption\nz.jpg,A\n")
    with pytest.raises(UserError, match="none of the 1 images .* z.jpg"):
        read_captions_csv(table, images)
    with pytest.raises(UserError, match="is not a folder"):
        read_captions_csv(table, tmp_path / "none")
    with pytest.raises(UserError, match="leads to no image"):
        read_captions_csv(write(tmp_path / "h.csv", "image,caption\n"), images)
    (tmp_path / "latin.csv").write_bytes(b"image,caption\na.jpg,caf\xe9\n")
    with pytest.raises(UserError, match="UTF-8"):
        read_captions_csv(tmp_path / "latin.csv", images)


def coco(tmp_path: Path, pictures, annotations) -> Path:
    content = {
        "images": [{"id": i, "file_name": name} for i, name in pictures],
        "annotations": [{"image_id": i, "caption": text} for i, text in annotations],
    }
    return write(tmp_path / "captions.json", json.dumps(content))


def test_coco_joins_captions_by_image_id(tmp_path, images):
    path = coco(
        tmp_path,
        [(3, "b.jpg"), (1, "a.jpg"), (2, "c.jpg"), (3, "c.jpg")],
        [(1, "one"), (3, "three\n"), (1, "uno"), (9, "nobody's"), (3, ""), (3, "\ud83d")],
    )
    source = read_coco_captions(path, images, "validation")
    assert source.records == [
        ImageRecord("3", "b.jpg", images / "b.jpg", ("three", "?"), (), "validation"),
        ImageRecord("1", "a.jpg", images / "a.jpg", ("one", "uno"), (), "validation"),
    ]
    assert source.rejections == [
        Rejection("c.jpg", "duplicate id: 3"),
        Rejection("image_id 9", "caption for an unknown image"),
        Rejection("b.jpg", "empty caption"),
        Rejection("c.jpg", "no caption"),
    ]


def test_coco_errors_say_what_to_mend(tmp_path, images):
    with pytest.raises(UserError, match="not a JSON file"):
        read_coco_captions(write(tmp_path / "x.json", "image,caption"), images)
    with pytest.raises(UserError, match="'info' at its top; expected 'images', 'annotations'"):
        read_coco_captions(write(tmp_path / "x.json", '{"info": 1}'), images)
    nameless = '{"images": [{"id": 1}], "annotations": []}'
    with pytest.raises(UserError, match="without 'file_name'"):
        read_coco_captions(write(tmp_path / "x.json", nameless), images)
    boxes = '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"bbox": 1}]}'
    with pytest.raises(UserError, match="hold bbox but no caption"):
        read_coco_captions(write(tmp_path / "x.json", boxes), images)


@pytest.mark.real_data
def test_coco_mini_has_all_its_captions(kclip_data):
    folder = kclip_data / "coco_mini"
    path = folder / "annotations/captions_train2017.json"
    source = read_coco_captions(path, folder / "train2017")
    assert len(source.records) == 80
    annotations = json.loads(path.read_text())["annotations"]
    assert sum(len(r.captions) for r in source.records) == len(annotations)


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


def test_images_without_class_folders_are_a_mistake(images):
    with pytest.raises(UserError, match="3 images but no class folders"):
        read_class_folders(images)
