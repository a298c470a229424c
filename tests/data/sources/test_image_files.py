import unicodedata

import pytest

from kclip.data.sources.image_files import ImageFolder
from kclip.errors import UserError

FILES = ("0.jpg", "B.JPG", "zoo/c.png", "café.jpg", "x.jpg", "x.png")


@pytest.fixture
def folder(tmp_path):
    images = tmp_path / "images"
    for name in FILES:
        path = images / unicodedata.normalize("NFD", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "secret.jpg").touch()
    return ImageFolder(images)


def found(folder, *names):
    paths = folder.find_all(names).paths
    return {name: path.relative_to(folder.path).as_posix() for name, path in paths.items()}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("0.jpg", "0.jpg"),
        ("./0.jpg", "0.jpg"),
        ("0", "0.jpg"),
        ("0.JPG", "0.jpg"),
        ("b.jpg", "B.JPG"),
        ("images/0.jpg", "0.jpg"),
        (r"images\zoo\c.png", "zoo/c.png"),
        (r"zoo\C.PNG", "zoo/c.png"),
        ("http://example.org/train/0.jpg?size=2", "0.jpg"),
        ("http://example.org/B.JPG", "B.JPG"),
        ("café.jpg", unicodedata.normalize("NFD", "café.jpg")),
        ("caf\u00e9", unicodedata.normalize("NFD", "café.jpg")),
        ("gone.jpg", "gone.jpg"),  # missing; whoever opens it will say so
        ("0.png", "0.png"),
        ("other/0.jpg", "other/0.jpg"),  # another folder may have another 0.jpg
    ],
)
def test_one_file_that_is_spelled_otherwise_is_found(folder, name, file):
    assert list(found(folder, name).values()) == [file]


def test_two_possible_files_are_refused(folder):
    (rejection,) = folder.find_all(["x"]).rejections
    assert rejection.reason == "several files: x.jpg and x.png"


def test_two_names_of_one_file_are_refused(folder):
    result = folder.find_all(["0.JPG", "0.jpg", "images/0.jpg", "B.JPG"])
    assert set(result.paths) == {"0.jpg", "B.JPG"}
    assert [(item.file_name, item.reason) for item in result.rejections] == [
        ("0.JPG", "two names of one file: it is 0.jpg, too"),
        ("images/0.jpg", "two names of one file: it is 0.jpg, too"),
    ]


def test_names_stay_inside_the_folder_unless_the_user_says_otherwise(folder, tmp_path):
    (folder.path / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder.path / "up").symlink_to(tmp_path)
    outside = ["../secret.jpg", str(tmp_path / "secret.jpg"), "link.jpg", "up/secret.jpg"]
    result = folder.find_all(outside)
    assert not result.paths
    assert {item.reason for item in result.rejections} == {
        "outside of the images' folder: give --allow-outside to take it"
    }
    for name in outside:
        assert list(ImageFolder(folder.path, allow_outside=True).find_all([name]).paths) == [name]
    inside = [str(folder.path / "0.jpg"), "zoo/../0.jpg"]
    assert not folder.find_all(inside[:1]).rejections and not folder.find_all(inside[1:]).rejections


def test_a_folder_of_images_must_be_one(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        ImageFolder(tmp_path / "gone")


def test_files_come_in_the_order_of_the_names(folder):
    assert list(folder.find_all(["b.jpg", "gone.jpg", "0.jpg", "images/zoo/c.png"]).paths) == [
        "b.jpg",
        "gone.jpg",
        "0.jpg",
        "images/zoo/c.png",
    ]


def test_odd_names_are_missing_files(folder):
    assert len(folder.find_all(["a" * 5000, "a\0b"]).paths) <= 2
