from pathlib import Path

import pytest

from kclip.data.image_record import ImageRecord
from kclip.data.labelled.images import LabelledImages
from kclip.errors import UserError

CLASSES = {"gatto": ("cat",), "gru": ("crane",), "macchina": ("crane", "lifter")}


def record(number, *labels, ignored=()):
    return ImageRecord(
        str(number), "same name.jpg", b"bytes", labels=labels, ignored_labels=ignored
    )


@pytest.fixture
def images():
    records = [record(0, "gru"), record(1, "gatto", "gru", ignored=("macchina",)), record(2)]
    return LabelledImages(records, CLASSES, "three images")


def test_names_and_labels(images):
    assert len(images) == 3
    assert images.images == [b"bytes"] * 3
    assert images.label_sets == [("gru",), ("gatto", "gru"), ()]
    assert images.class_names == ("cat", "crane (gru)", "crane (macchina)")
    assert images.rows([1, 0]).class_indices.tolist() == [0, 1]


def test_matrices_by_hand(images):
    names = ["macchina", "gatto", "gru"]
    assert images.label_matrix(names).tolist() == [[0, 0, 1], [0, 1, 1], [0, 0, 0]]
    assert images.valid_mask(names).tolist() == [[True] * 3, [False, True, True], [True] * 3]


def test_rows_go_by_position_not_by_name(images):
    assert [record.id for record in images.rows([2, 0, 2]).records] == ["2", "0", "2"]


def test_an_image_without_a_class(images):
    with pytest.raises(UserError, match="an image's label in three images is none of the classes"):
        _ = images.class_indices
    with pytest.raises(UserError, match="'gatto' in three images is none of the classes: gru;"):
        _ = images.with_classes({"gru": ("crane",)}).rows([1]).class_indices


def test_images_are_joined_where_they_have_the_same_classes(images):
    cat = ImageRecord("3", "tom.jpg", Path("tom.jpg"), labels=("gatto",))
    both = images.rows([0]) + LabelledImages([cat], CLASSES, "one more")
    assert both.class_indices.tolist() == [1, 0]
    assert both.origin == "three images and one more"
    with pytest.raises(UserError, match="have different classes"):
        _ = images + images.with_classes({"gatto": ("cat",)})
