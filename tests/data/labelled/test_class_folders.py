import pytest
from class_folders import write_class_folders

from kclip.data.labelled.class_folders import check_same_classes, read_labelled_folder
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
