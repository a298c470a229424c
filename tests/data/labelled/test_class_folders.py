import pytest
from class_folders import write_class_folders

from kclip.data.labelled.class_folders import (
    CALIBRATION,
    TRAINING,
    check_same_classes,
    read_labelled_folder,
)
from kclip.errors import UserError


@pytest.fixture
def folder(tmp_path):
    return write_class_folders(tmp_path / "images", per_class=2)


def test_names_labels_and_classes(folder):
    images = read_labelled_folder(folder)
    assert images.class_names == ("blue", "green", "red")
    assert images.file_names[2] == "green/0.png"
    assert images.class_indices.tolist() == [0, 0, 1, 1, 2, 2]
    part = images.rows([5, 0])
    assert part.file_names == ("red/1.png", "blue/0.png")
    assert part.class_indices.tolist() == [2, 0]
    assert part.images[0] == folder / "red" / "1.png"


def test_classes_have_the_names_of_a_file(folder, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("green: meadow\nred: fire, blood\nblue: sky\nother: none\n")
    images = read_labelled_folder(folder, names)
    assert images.class_names == ("sky", "meadow", "fire")
    assert images.classes["red"] == ("fire", "blood")


def test_a_class_without_a_line(folder, tmp_path):
    (tmp_path / "names.txt").write_text("green: meadow\nred: fire\n")
    with pytest.raises(UserError, match="no line for the class folder 'blue'"):
        read_labelled_folder(folder, tmp_path / "names.txt")


def test_animals_10_speaks_italian(folder):
    for italian, color in (("cane", "blue"), ("gatto", "green"), ("ragno", "red")):
        (folder / color).rename(folder / italian)
    assert read_labelled_folder(folder).class_names == ("dog", "cat", "spider")


def test_one_class(folder):
    with pytest.raises(UserError, match="holds the one class 'red'"):
        read_labelled_folder(only(folder, "red"))


def only(folder, name):
    target = folder.parent / "only"
    target.mkdir()
    (folder / name).rename(target / name)
    return target


def test_other_classes(folder, tmp_path):
    other = write_class_folders(tmp_path / "other", per_class=1)
    (other / "red").rename(other / "pink")
    with pytest.raises(UserError, match="only .*images has red and only .*other has pink"):
        check_same_classes(read_labelled_folder(folder), read_labelled_folder(other))


@pytest.fixture
def splits(tmp_path):
    """16 images to train on, 4 to validate and 8 to test; names say the split."""
    root = tmp_path / "splits"
    for split, count in (("train", 8), ("val", 2), ("test", 4)):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                (root / split / name / f"{number}.jpg").touch()
    return root


def test_training_reads_train_and_evaluation_reads_test_and_both_say_so(splits, caplog):
    caplog.set_level("INFO")
    train = read_labelled_folder(splits, wanted=TRAINING, use="training")
    test = read_labelled_folder(splits)
    assert {name.split("/")[0] for name in train.file_names} == {"train"}
    assert {name.split("/")[0] for name in test.file_names} == {"test"}
    assert (len(train), len(test)) == (16, 8)
    assert caplog.messages == [
        f"{splits}: train/ is taken for training (16 images); left aside: test (8), validation (4)",
        f"{splits}: test/ is taken for evaluation (8 images); "
        "left aside: train (16), validation (4)",
    ]
    assert test.origin == f"{splits}, split test"


@pytest.mark.parametrize(
    ("split", "count"), [("train", 16), ("val", 4), ("validation", 4), ("all", 28)]
)
def test_a_split_by_its_name_or_folder(splits, split, count):
    assert len(read_labelled_folder(splits, split=split)) == count


def test_the_first_level_as_classes(splits):
    assert read_labelled_folder(splits, split="none").class_names == ("test", "train", "val")


def test_without_a_test_split_validation_is_measured_and_calibrated_on(splits):
    calibration = read_labelled_folder(splits, wanted=CALIBRATION, use="calibration")
    remove(splits / "test")
    assert {name.split("/")[0] for name in read_labelled_folder(splits).file_names} == {"val"}
    assert {name.split("/")[0] for name in calibration.file_names} == {"val"}


def remove(folder):
    folder.rename(folder.parent.parent / "removed")


def test_a_test_split_without_labels_is_no_reason_to_measure_on_training_images(splits):
    remove(splits / "val")
    for path in list((splits / "test").rglob("*.jpg")):
        path.rename(splits / "test" / f"{path.parent.name}{path.name}")
    with pytest.raises(UserError, match="without class folders: test, and none for eval"):
        read_labelled_folder(splits)
    assert len(read_labelled_folder(splits, split="train")) == 16
    assert len(read_labelled_folder(splits, wanted=TRAINING, use="training")) == 16


def test_splits_that_are_not_there(splits, folder):
    with pytest.raises(UserError, match="has no folders of splits; leave out --split test"):
        read_labelled_folder(folder, split="test")
    with pytest.raises(UserError, match="and no 'other'; give --split test"):
        read_labelled_folder(splits, split="other")
    remove(splits / "train")
    with pytest.raises(UserError, match="and none for training; give --zero-shot-split test"):
        read_labelled_folder(splits, wanted=TRAINING, use="training", flag="--zero-shot-split")


def test_classes_that_the_split_lacks_stay_in_the_task(splits, caplog):
    (splits / "train/fox").mkdir()
    (splits / "train/fox/0.jpg").touch()
    test = read_labelled_folder(splits)
    assert test.class_names == ("cat", "dog", "fox")
    assert "without an image here: fox" in caplog.text


def test_splits_of_other_classes_are_tasks_of_their_own(splits):
    for name, other in (("cat", "fox"), ("dog", "owl")):
        (splits / "test" / name).rename(splits / "test" / other)
    assert read_labelled_folder(splits).class_names == ("fox", "owl")


def test_a_class_spelled_in_two_ways_in_two_splits(splits):
    (splits / "test/dog").rename(splits / "test/Dog")
    with pytest.raises(UserError, match="'Dog' and 'dog' in different splits.*same name"):
        read_labelled_folder(splits)


def test_images_beside_the_class_folders_are_counted_in_the_split_that_is_read(splits, caplog):
    for number in range(9):
        (splits / "train" / f"stray{number}.jpg").touch()
    assert len(read_labelled_folder(splits)) == 8
    assert "stray" not in caplog.text
    with pytest.raises(UserError, match="9 of 25 images can't be used.*train/stray0.jpg: no class"):
        read_labelled_folder(splits, wanted=TRAINING, use="training")


def test_two_splits_to_validate_on_are_named_by_their_folders(splits):
    remove(splits / "test")
    for name in ("cat", "dog"):
        (splits / "Dev" / name).mkdir(parents=True)
        (splits / "Dev" / name / "0.jpg").touch()
    with pytest.raises(
        UserError, match="splits dev, train, val, and none for evaluation; give --spl"
    ):
        read_labelled_folder(splits)
    assert len(read_labelled_folder(splits, split="dev")) == 2
    assert len(read_labelled_folder(splits, split="val")) == 4


def test_a_message_names_the_flag_that_the_command_has(splits):
    (splits / "backup" / "dog").mkdir(parents=True)
    (splits / "backup" / "dog" / "0.jpg").touch()
    with pytest.raises(UserError, match="beside backup; give --zero-shot-split with one of test"):
        read_labelled_folder(splits, flag="--zero-shot-split")
    assert len(read_labelled_folder(splits, split="test")) == 8
