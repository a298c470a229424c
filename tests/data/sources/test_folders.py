from collections import Counter

import pytest

from kclip.data.image_record import Rejection
from kclip.data.sources.folders import read_class_folders
from kclip.errors import UserError

STRAY = "no class folder"


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder, split=None):
    """(split, class) -> number of images."""
    records = read_class_folders(folder, split).records
    return dict(Counter((record.split, *record.labels) for record in records))


def test_class_folders_become_labels(tmp_path):
    write(tmp_path, "dog/1.jpg", "dog/old/2.png", "cat/1.jpg", "stray.jpg")
    source = read_class_folders(tmp_path).as_source(None)
    assert [(r.id, r.file_name, r.labels, r.split) for r in source.records] == [
        ("cat/1.jpg", "cat/1.jpg", ("cat",), "train"),
        ("dog/1.jpg", "dog/1.jpg", ("dog",), "train"),
        ("dog/old/2.png", "dog/old/2.png", ("dog",), "train"),
    ]
    assert source.rejections == [Rejection("stray.jpg", STRAY)]
    assert source.records[0].image == tmp_path / "cat/1.jpg"


@pytest.mark.parametrize(
    "folders",
    [
        ("train", "validation", "test"),
        ("Train", "valid", "Test"),
        ("training", "val", "testing"),
        ("photos/train", "photos/dev", "photos/test"),
        ("a/b/train2017", "a/b/val2017", "a/b/test2017"),
        ("seg_train/seg_train", "seg_val/seg_val", "seg_test/seg_test"),
        ("letters_train/letters_train", "letters_val/letters_val", "letters_test/letters_test"),
        ("train/images", "valid/images", "test/images"),
    ],
)
def test_folders_of_splits_are_no_classes(tmp_path, folders):
    for folder in folders:
        write(tmp_path, f"{folder}/dog/1.jpg", f"{folder}/cat/1.jpg", f"{folder}/cat/2.jpg")
    write(tmp_path, "__MACOSX/train/cat/._1.jpg", ".ipynb_checkpoints/1.jpg", "README.md")
    splits = ("train", "validation", "test")
    assert found(tmp_path) == {
        (split, *of_class): count
        for split in splits
        for *of_class, count in (("dog", 1), ("cat", 2))
    }


def test_one_wrapping_folder_is_passed_through(tmp_path):
    write(tmp_path, "PetImages/dog/1.jpg", "PetImages/cat/1.jpg", "PetImages/Thumbs.db", "x.jpg")
    folders = read_class_folders(tmp_path)
    assert [record.labels[0] for record in folders.records] == ["cat", "dog"]
    assert folders.rejections[""] == [Rejection("x.jpg", STRAY)]


def test_a_stray_image_beside_the_splits_is_left_out_and_named(tmp_path):
    write(tmp_path, "train/dog/1.jpg", "val/dog/1.jpg", "cover.jpg", "train/sheet.jpg")
    folders = read_class_folders(tmp_path)
    assert set(folders.splits) == {"train", "validation"}
    assert folders.rejections == {
        "": [Rejection("cover.jpg", STRAY, loses_image=False)],
        "train": [Rejection("train/sheet.jpg", STRAY)],
    }  # fmt: skip


def test_splits_in_the_class_folders(tmp_path):
    write(tmp_path, "dog/train/1.jpg", "dog/test/1.jpg", "cat/train/1.jpg", "cat/train/2.jpg")
    assert found(tmp_path) == {
        ("train", "dog"): 1, ("test", "dog"): 1, ("train", "cat"): 2,
    }  # fmt: skip
    write(tmp_path, "fox/1.jpg")
    with pytest.raises(UserError, match="splits in the class folder .* and none in fox"):
        read_class_folders(tmp_path)
    assert found(tmp_path, "none") == {("train", name): n for name, n in
                                       (("dog", 2), ("cat", 2), ("fox", 1))}  # fmt: skip


def test_a_class_called_train(tmp_path):
    """As among the classes of PASCAL VOC."""
    write(tmp_path, "bus/1.jpg", "train/1.jpg")
    assert found(tmp_path) == {("train", "bus"): 1, ("train", "train"): 1}


def test_folders_that_can_be_read_in_two_ways_are_refused_with_the_flag(tmp_path):
    write(tmp_path, "train/dog/1.jpg", "test/dog/2.jpg", "backup/dog/1.jpg")
    with pytest.raises(UserError, match="train, which look like splits, beside backup"):
        read_class_folders(tmp_path)
    assert found(tmp_path, "test") == {("train", "dog"): 1, ("test", "dog"): 1}
    assert {label for _, label in found(tmp_path, "none")} == {"train", "test", "backup"}


def test_a_flat_test_folder_beside_classes_is_refused(tmp_path):
    write(tmp_path, "dog/1.jpg", "cat/1.jpg", "test/1.jpg")
    with pytest.raises(UserError, match="test, which look like splits, beside cat, dog; .*none"):
        read_class_folders(tmp_path)


def test_splits_without_class_folders(tmp_path):
    write(tmp_path, "train/images/1.jpg", "train/images/2.jpg", "valid/images/1.jpg")
    with pytest.raises(UserError, match="holds images but no class folders in train, valid"):
        read_class_folders(tmp_path)


def test_images_of_an_unlabelled_split_are_named_under_it(tmp_path):
    write(tmp_path, "train/dog/1.jpg", "train/cat/1.jpg", "test/1.jpg", "test/2.jpg")
    folders = read_class_folders(tmp_path)
    assert folders.labelled_splits == ["train"]
    assert [fault.file_name for fault in folders.rejections["test"]] == ["test/1.jpg", "test/2.jpg"]


def test_folders_without_an_image_are_named(tmp_path):
    write(tmp_path, "train/dog/1.jpg", "train/bird/notes.txt", "test/dog/1.jpg", "val/notes.txt")
    faults = read_class_folders(tmp_path).rejections[""]
    assert {(fault.file_name, fault.loses_image) for fault in faults} == {
        ("train/bird/", False), ("val/", False),
    }  # fmt: skip


def test_a_build_takes_all_splits_or_one(tmp_path):
    write(tmp_path, "Train/dog/1.jpg", "Test/dog/1.jpg", "Test/x.jpg")
    folders = read_class_folders(tmp_path)
    source = folders.as_source(None)
    assert len(source.records) == 2
    assert source.notes == ("took Test/ as the split test, Train/ as the split train",)
    for name in ("test", "Test"):
        source = folders.as_source(name)
        assert [record.id for record in source.records] == ["Test/dog/1.jpg"]
        assert source.rejections == [Rejection("Test/x.jpg", STRAY)]
    with pytest.raises(UserError, match="--split is 'validation', but the splits are"):
        folders.as_source("validation")


def test_images_without_class_folders_are_a_mistake(tmp_path):
    write(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    with pytest.raises(UserError, match="3 images but no class folders"):
        read_class_folders(tmp_path)


def test_links_to_class_folders_are_classes(tmp_path):
    write(tmp_path, "store/x/1.jpg", "data/dog/1.jpg")
    (tmp_path / "data/cat").symlink_to("../store/x")
    assert found(tmp_path / "data") == {("train", "cat"): 1, ("train", "dog"): 1}


def test_folders_in_class_folders_are_of_their_class_and_this_is_said(tmp_path):
    write(tmp_path, "PetImages/cat/1.jpg", "PetImages/dog/1.jpg", "samples/1.jpg", "fox/1/2.jpg")
    folders = read_class_folders(tmp_path)
    assert [record.labels[0] for record in folders.records] == ["PetImages"] * 2 + [
        "fox",
        "samples",
    ]
    assert folders.as_source(None).notes == (
        "took all folders in the class folders PetImages as of that class",
    )
