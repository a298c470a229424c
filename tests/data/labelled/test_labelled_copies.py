import logging

from soft_images import encoded, soft_image, write_soft_images

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.data.image_record import ImageRecord
from kclip.data.labelled.copies import (
    distinct_images,
    image_groups,
    split_groups,
    warn_of_shared_copies,
)
from kclip.data.labelled.images import LabelledImages
from kclip.data.pipeline.split_reading import iterate_images
from kclip.data.records.writer import open_split


def labelled(paths, origin="these") -> LabelledImages:
    records = [ImageRecord(str(p), p.name, p, (), ("dog",)) for p in paths]
    return LabelledImages(records, {"dog": ("dog",)}, origin)


def test_groups_are_known_by_their_first_row(tmp_path):
    paths = write_soft_images(tmp_path, range(4))
    paths.append(tmp_path / "copy.jpg")
    paths[-1].write_bytes(encoded(soft_image(1), "JPEG"))
    paths.append(tmp_path / "missing.png")
    assert image_groups(labelled(paths)).tolist() == [0, 1, 2, 3, 1, 5]
    assert image_groups(labelled([])).tolist() == []
    assert distinct_images(labelled(paths)) == {str(p) for p in paths if p.stem != "copy"}


def test_groups_of_a_split_are_in_the_order_of_its_files(tmp_path):
    paths = write_soft_images(tmp_path / "images", range(6))
    (tmp_path / "images" / "copy.jpg").write_bytes(encoded(soft_image(4), "JPEG"))
    names = [*(path.name for path in paths), "copy.jpg"]
    rows = [f"{name},a picture called {name}" for name in names]
    (tmp_path / "captions.csv").write_text("\n".join(["image,caption", *rows]))
    (tmp_path / "train.txt").write_text("\n".join(names))
    BuildTFRecords(
        source="csv",
        images=tmp_path / "images",
        captions=tmp_path / "captions.csv",
        split_lists=(f"train={tmp_path}/train.txt",),
        output=tmp_path / "records",
        shards=("2",),
        workers=1,
    ).run()
    split = open_split(tmp_path / "records", "train")
    order = [record.file_name for record in iterate_images(split)]
    groups = split_groups(split).tolist()
    first, second = sorted((order.index("004.png"), order.index("copy.jpg")))
    assert groups == [first if row == second else row for row in range(7)]


def test_copies_of_two_parts_are_said(tmp_path, caplog):
    train = write_soft_images(tmp_path / "train", range(5))
    test = write_soft_images(tmp_path / "test", range(4, 8))
    with caplog.at_level(logging.WARNING, "kclip"):
        assert warn_of_shared_copies(labelled(train), labelled(test, "the test images")) == 1
    assert "1 of 4 images of the test images are copies of images to train on" in caplog.text
    assert warn_of_shared_copies(labelled(train[:4]), labelled(test)) == 0
