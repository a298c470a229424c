import pytest

from kclip.data.labelled.class_names import read_class_names, shown_names
from kclip.errors import UserError


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "classes.txt").write_text(text, encoding="utf-8")
        return tmp_path / "classes.txt"

    return write


def test_labels_names_and_synonyms(file):
    classes = read_class_names(
        file("# mine\n\nn01440764: tench, Tinca tinca\nred fox\nkit fox , swift fox,\n")
    )
    assert classes == {
        "n01440764": ("tench", "Tinca tinca"),
        "red fox": ("red fox",),
        "kit fox": ("kit fox", "swift fox"),
    }
    assert list(classes)[0] == "n01440764"


def test_a_synonym_counts_once(file):
    assert read_class_names(file("dog: dog, dog, puppy")) == {"dog": ("dog", "puppy")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dog: , ,\n", "the line 'dog: , ,' has no name"),
        ("dog\ncat\ndog: puppy\n", "names the class 'dog' twice"),
        ("# nothing\n", "holds no class"),
    ],
)
def test_mistakes(file, text, message):
    with pytest.raises(UserError, match=message):
        read_class_names(file(text))


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="classes.txt: no such file"):
        read_class_names(tmp_path / "classes.txt")


def test_shown_names_differ():
    classes = {"a": ("crane",), "b": ("dog", "puppy"), "c": ("crane", "derrick")}
    assert shown_names(classes) == ("crane (a)", "dog", "crane (c)")
