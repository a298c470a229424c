import pytest

from kclip.errors import UserError
from kclip.multilabel.class_split import ClassSplit, read_class_split


def test_seen_classes_stand_first():
    split = ClassSplit(("dog", "cat"), ("yak",))
    assert split.class_names == ["dog", "cat", "yak"]
    assert split.seen_mask.tolist() == [True, True, False]
    assert split.among(["gnu", "cat"]) == ClassSplit(("cat",), ("gnu",))


@pytest.mark.parametrize(
    ("seen", "unseen", "sentence"),
    [((), (), "there is no class"), (("dog",), ("dog",), "'dog' is listed twice")],
)
def test_lists_that_make_no_classes(seen, unseen, sentence):
    with pytest.raises(UserError, match=sentence):
        ClassSplit(seen, unseen)


def test_lists_come_from_files_or_from_the_folder_of_the_records(tmp_path):
    assert read_class_split(tmp_path, None, None) is None
    (tmp_path / "seen_classes.txt").write_text("dog\ncat\n")
    assert read_class_split(tmp_path, None, None) == ClassSplit(("dog", "cat"))
    (tmp_path / "unseen_classes.txt").write_text("yak\n")
    assert read_class_split(tmp_path, None, None) == ClassSplit(("dog", "cat"), ("yak",))
    (tmp_path / "mine.txt").write_text("gnu\n")
    assert read_class_split(tmp_path, None, tmp_path / "mine.txt") == ClassSplit((), ("gnu",))
    with pytest.raises(UserError, match=r"nowhere\.txt"):
        read_class_split(None, tmp_path / "nowhere.txt", None)
