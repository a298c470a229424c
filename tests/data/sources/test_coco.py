import json
from pathlib import Path

import pytest

from kclip.data.image_record import UNKNOWN, ImageRecord, Rejection
from kclip.data.sources.coco import read_coco_source
from kclip.data.sources.reading_options import ReadingOptions
from kclip.errors import UserError

CATEGORIES = [{"id": 5, "name": "dog"}, {"id": 2, "name": "fire truck"}]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (folder / name).touch()  # readers never open images
    return folder


def write(path: Path, content, encoding: str = "utf-8") -> Path:
    path.write_bytes(
        (content if isinstance(content, str) else json.dumps(content)).encode(encoding)
    )
    return path


def captions(tmp_path: Path, pairs, texts, **changes) -> Path:
    content = {
        "images": [{"id": i, "file_name": name} for i, name in pairs],
        "annotations": [{"image_id": i, "caption": text} for i, text in texts],
    }
    return write(tmp_path / "captions.json", content | changes)


def instances(tmp_path: Path, pairs, shown, **changes) -> Path:
    content = {
        "images": [{"id": i, "file_name": name} for i, name in pairs],
        "annotations": [{"image_id": i, "category_id": category} for i, category in shown],
        "categories": CATEGORIES,
    }
    return write(tmp_path / "instances.json", content | changes)


THREE = [(0, "a.jpg"), (1, "b.jpg"), (2, "c.jpg")]


def test_joins_captions_by_image_id(tmp_path, images):
    path = captions(
        tmp_path,
        [(3, "b.jpg"), (1, "a.jpg"), (2, "c.jpg"), (3, "c.jpg")],
        [(1, "one"), (3, "three\n"), (1, "uno"), (9, "nobody's"), (3, ""), (3, "\ud83d")],
    )
    source = read_coco_source(images, path, None, "validation")
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


def test_captions_as_tools_write_them(tmp_path, images):
    found = [(0, ["A dog", "a pet"]), (1, "line one\nline two"), (2, None), (2, 7)]
    source = read_coco_source(images, captions(tmp_path, THREE, found), None)
    assert [r.captions for r in source.records] == [
        ("A dog", "a pet"),
        ("line one line two",),
        ("7",),
    ]
    assert source.rejections == [Rejection("c.jpg", "empty caption")]


@pytest.mark.parametrize(
    ("ids", "wanted"), [([0, 1, 2], "0"), (["0", "1", "2"], "0"), ([0.0, 1.0, 2.0], "0")]
)
def test_ids_of_any_kind_join(tmp_path, images, ids, wanted):
    pairs = list(zip(ids, ("a.jpg", "b.jpg", "c.jpg"), strict=True))
    path = instances(tmp_path, pairs, [(0, "5"), ("1", 2.0), (1.0, 5)])
    records = read_coco_source(images, None, path).records
    assert records[0].id == wanted
    assert [r.labels for r in records] == [("dog",), ("dog", "fire truck"), ()]


def test_objects_in_place_of_lists_and_byte_order_marks(tmp_path, images):
    as_object = {str(i): {"id": i, "file_name": name} for i, name in THREE}
    names = {"5": "dog", "2": "fire truck"}
    path = instances(tmp_path, [], [(0, 5)], images=as_object, categories=names)
    write(path, path.read_text(), "utf-8-sig")
    assert [r.labels for r in read_coco_source(images, None, path).records] == [("dog",), (), ()]


def test_file_names_with_folders_and_addresses(tmp_path, images):
    pairs = [(0, "images/a.jpg"), (1, "https://example.org/x/b.jpg"), (2, "../../c.jpg")]
    path = captions(tmp_path, pairs, [(i, "text") for i in range(3)])
    source = read_coco_source(images, path, None)
    assert [r.image for r in source.records] == [images / "a.jpg", images / "b.jpg"]
    assert source.rejections[0].reason.startswith("outside of the images' folder")


def test_names_that_all_lead_out_say_the_flag(tmp_path, images):
    (tmp_path / "d.jpg").touch()
    path = captions(tmp_path, [(0, "../d.jpg")], [(0, "text")])
    with pytest.raises(UserError, match="leads to no image; .* give --allow-outside"):
        read_coco_source(images, path, None)
    options = ReadingOptions(allow_outside=True)
    (record,) = read_coco_source(images, path, None, options=options).records
    assert record.image.samefile(tmp_path / "d.jpg")


def test_an_image_under_two_ids_is_one_record(tmp_path, images):
    pairs = [(1, "a.jpg"), (2, "a.jpg"), (3, "b.jpg")]
    path = instances(tmp_path, pairs, [(1, 5), (2, 2), (3, 2)])
    source = read_coco_source(images, None, path)
    assert [(r.id, r.labels) for r in source.records] == [
        ("1", ("dog", "fire truck")),
        ("3", ("fire truck",)),
    ]
    assert "listed under several ids: 1 (such as a.jpg, 1 and 2)" in source.notes[0]
    path = captions(tmp_path, pairs, [(1, "one"), (2, "two"), (3, "three")])
    assert [r.captions for r in read_coco_source(images, path, None).records] == [
        ("one", "two"),
        ("three",),
    ]


def test_instances_alone(tmp_path, images):
    path = instances(tmp_path, [(7, "b.jpg"), (8, "a.jpg")], [(7, 2), (7, 5), (7, 2), (9, 5)])
    source = read_coco_source(images, None, path, "validation")
    assert source.records == [
        ImageRecord("7", "b.jpg", images / "b.jpg", (), ("dog", "fire truck"), "validation"),
        ImageRecord("8", "a.jpg", images / "a.jpg", (), (), "validation"),
    ]
    assert source.rejections == [
        Rejection("image_id 9", "labels for an unknown image", loses_image=False)
    ]


def test_a_crowd_shows_its_category(tmp_path, images):
    crowd = {"image_id": 0, "category_id": 5, "iscrowd": 1, "segmentation": {"counts": "abc"}}
    path = instances(tmp_path, THREE, [], annotations=[crowd])
    assert read_coco_source(images, None, path).records[0].labels == ("dog",)


def test_captions_and_instances_are_joined_by_file(tmp_path, images):
    texts = captions(tmp_path, THREE, [(i, "text") for i in range(3)])
    # Other numbers, and one image that nobody has labelled.
    labels = instances(tmp_path, [(10, "b.jpg"), (0, "a.jpg"), (11, "d.jpg")], [(10, 5), (11, 2)])
    source = read_coco_source(images, texts, labels)
    assert [(r.id, r.labels, r.ignored_labels) for r in source.records] == [
        ("0", (), ()),
        ("1", ("dog",), ()),
        ("2", (), (UNKNOWN,)),
    ]
    assert [item.file_name for item in source.rejections] == ["d.jpg"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"id": 1}]}, r"images\[0\], an image, is without 'file_name'"),
        ({"images": [{"file_name": "a.jpg"}]}, r"images\[0\], an image, is without 'id'"),
        ({"images": [{"id": 1, "file_name": 7}]}, "has 7 as 'file_name'"),
        ({"images": None}, "has None as 'images'; expected a list"),
        ({"images": ["a.jpg"]}, r"has 'a.jpg' as images\[0\]; expected an object"),
        ({"annotations": None}, "has None as 'annotations'; expected a list"),
        ({"annotations": [{"category_id": 5}]}, r"annotations\[0\], an .* is without 'image_id'"),
        ({"annotations": [{"image_id": 0}]}, "an annotation without a known category_id"),
        ({"annotations": [{"image_id": True}]}, "has True as 'image_id'"),
        ({"categories": None}, "has None as 'categories'"),
        ({"categories": []}, "an annotation without a known category_id"),
        ({"categories": [{"id": 5}]}, r"categories\[0\], a category, is without 'name'"),
        ({"categories": CATEGORIES * 2}, "has the id 5 of another one"),
        (
            {"categories": [{"id": 5, "name": "other"}, {"id": 6, "name": "other"}]},
            r"2 categories called 'other' \(ids 5, 6\); .* --similar-names merge",
        ),
    ],
)
def test_mistakes_are_told_in_one_sentence(tmp_path, images, changes, message):
    path = instances(tmp_path, THREE, [(0, 5)], **changes)
    with pytest.raises(UserError, match=message):
        read_coco_source(images, None, path)


def test_files_of_another_kind(tmp_path, images):
    with pytest.raises(UserError, match="neither captions nor labels are given"):
        read_coco_source(images, None, None)
    boxes = captions(tmp_path, THREE, [], annotations=[{"bbox": 1, "image_id": 0}])
    with pytest.raises(UserError, match="hold bbox, image_id but no caption"):
        read_coco_source(images, boxes, None)
    with pytest.raises(UserError, match="expected 'images', 'annotations', 'categories'"):
        read_coco_source(images, None, boxes)
    with pytest.raises(UserError, match="holds a list at its top"):
        read_coco_source(images, write(tmp_path / "x.json", [{"image_id": 0}]), None)


def test_categories_of_one_name_can_be_merged(tmp_path, images):
    categories = [{"id": 5, "name": "other"}, {"id": 6, "name": "other"}]
    path = instances(tmp_path, THREE, [(0, 5), (0, 6)], categories=categories)
    options = ReadingOptions(similar_names="merge")
    assert read_coco_source(images, None, path, options=options).records[0].labels == ("other",)


@pytest.mark.real_data
def test_coco_mini_has_all_its_captions_and_categories(kclip_data):
    folder = kclip_data / "coco_mini"
    paths = [folder / f"annotations/{name}_train2017.json" for name in ("captions", "instances")]
    source = read_coco_source(folder / "train2017", *paths)
    texts, boxes = (json.loads(path.read_text())["annotations"] for path in paths)
    assert len(source.records) == 80
    assert sum(len(record.captions) for record in source.records) == len(texts)
    pairs = {(a["image_id"], a["category_id"]) for a in boxes}
    assert sum(len(record.labels) for record in source.records) == len(pairs)
    assert not any(record.ignored_labels for record in source.records)
