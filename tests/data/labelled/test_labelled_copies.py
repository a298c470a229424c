import logging

from soft_images import encoded, soft_image, write_soft_images

from kclip.data.image_record import ImageRecord
from kclip.data.labelled.copies import image_groups, warn_of_shared_copies
from kclip.data.labelled.images import LabelledImages


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


def test_copies_of_two_parts_are_said(tmp_path, caplog):
    train = write_soft_images(tmp_path / "train", range(5))
    test = write_soft_images(tmp_path / "test", range(4, 8))
    with caplog.at_level(logging.WARNING, "kclip"):
        assert warn_of_shared_copies(labelled(train), labelled(test, "the test images")) == 1
    assert "1 of 4 images of the test images are copies of images to train on" in caplog.text
    assert warn_of_shared_copies(labelled(train[:4]), labelled(test)) == 0
