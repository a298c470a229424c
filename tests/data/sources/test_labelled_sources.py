import json

import pytest

from kclip.data.image_record import ImageRecord, Rejection
from kclip.data.sources.labelled import read_coco_source, read_csv_source
from kclip.errors import UserError


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (folder / name).touch()  # readers never open images
    return folder


@pytest.fixture
def tags(tmp_path):
    path = tmp_path / "tags.csv"
    path.write_text("image,tags\na.jpg,dog snow\n./b.jpg,\n,lost\nc.jpg,cat\n")
    return path


def instances(tmp_path, **changes):
    content = {
        "images": [{"id": i, "file_name": f"{name}.jpg"} for i, name in ((7, "b"), (8, "a"))],
        "annotations": [
            {"image_id": 7, "category_id": 2},
            {"image_id": 7, "category_id": 1},
            {"image_id": 7, "category_id": 2},
        ],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "fire truck"}],
    }
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(content | changes))
    return path


def test_csv_of_labels_alone(images, tags):
    source = read_csv_source(images, None, tags, {})
    assert source.records == [
        ImageRecord("a.jpg", "a.jpg", images / "a.jpg", (), ("dog", "snow")),
        ImageRecord("b.jpg", "b.jpg", images / "b.jpg", (), ()),
        ImageRecord("c.jpg", "c.jpg", images / "c.jpg", (), ("cat",)),
    ]
    assert source.rejections == []


def test_csv_of_labels_with_lists(images, tags, tmp_path):
    (tmp_path / "train.txt").write_text("a.jpg\n")
    (tmp_path / "dev.txt").write_text("c.jpg\nz.jpg\n")
    lists = {name: tmp_path / f"{name}.txt" for name in ("train", "dev")}
    source = read_csv_source(images, None, tags, lists)
    assert [(r.id, r.split) for r in source.records] == [("a.jpg", "train"), ("c.jpg", "dev")]
    assert source.rejections == [Rejection("z.jpg", "no row: listed in dev.txt only")]


def test_csv_of_captions_with_and_without_labels(images, tags, tmp_path):
    captions = tmp_path / "captions.csv"
    captions.write_text("image,caption\na.jpg,A dog\n")
    (record,) = read_csv_source(images, captions, tags, {}).records
    assert (record.captions, record.labels) == (("A dog",), ("dog", "snow"))
    (record,) = read_csv_source(images, captions, None, {}).records
    assert (record.captions, record.labels) == (("A dog",), ())


def test_coco_instances_alone(images, tmp_path):
    source = read_coco_source(images, None, instances(tmp_path), "validation")
    assert source.records == [
        ImageRecord("7", "b.jpg", images / "b.jpg", (), ("dog", "fire truck"), "validation"),
        ImageRecord("8", "a.jpg", images / "a.jpg", (), (), "validation"),
    ]


def test_coco_labels_of_no_image(images, tmp_path):
    path = instances(tmp_path, annotations=[{"image_id": 9, "category_id": 1}])
    source = read_coco_source(images, None, path, "train")
    assert source.rejections == [Rejection("image_id 9", "labels for an unknown image")]


def test_mistakes(images, tags, tmp_path):
    for read in (
        lambda: read_csv_source(images, None, None, {}),
        lambda: read_coco_source(images, None, None, "train"),
    ):
        with pytest.raises(UserError, match="neither captions nor labels are given"):
            read()
    with pytest.raises(UserError, match="none of the 3 images"):
        read_csv_source(tmp_path, None, tags, {})
    with pytest.raises(UserError, match="has an image without 'file_name'; expected COCO's form"):
        read_coco_source(images, None, instances(tmp_path, images=[{"id": 1}]), "train")
    with pytest.raises(UserError, match="has an annotation without a known category_id"):
        read_coco_source(images, None, instances(tmp_path, categories=[]), "train")
    with pytest.raises(UserError, match="expected 'images', 'annotations', 'categories'"):
        (tmp_path / "captions.json").write_text('{"images": [], "annotations": []}')
        read_coco_source(images, None, tmp_path / "captions.json", "train")


@pytest.mark.real_data
def test_coco_mini_has_all_its_categories(kclip_data):
    folder = kclip_data / "coco_mini"
    path = folder / "annotations/instances_train2017.json"
    source = read_coco_source(folder / "train2017", None, path, "train")
    annotations = json.loads(path.read_text())["annotations"]
    pairs = {(a["image_id"], a["category_id"]) for a in annotations}
    assert len(source.records) == 80
    assert sum(len(record.labels) for record in source.records) == len(pairs)
