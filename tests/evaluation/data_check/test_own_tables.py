import pytest

from kclip.errors import UserError
from kclip.evaluation.data_check.own_tables import OwnTables, find_own_tables


def test_tables_beside_images_or_beside_their_folder(tmp_path):
    assert find_own_tables(tmp_path) is None
    (tmp_path / "captions.csv").touch()
    assert find_own_tables(tmp_path) == OwnTables(tmp_path, tmp_path / "captions.csv", None)
    (tmp_path / "images").mkdir()
    (tmp_path / "tags.csv").touch()
    found = find_own_tables(tmp_path)
    assert found == OwnTables(tmp_path / "images", tmp_path / "captions.csv", tmp_path / "tags.csv")
    assert found.in_words() == (
        "took captions.csv for the captions and tags.csv for the labels of the images in "
        f"{tmp_path / 'images'}"
    )


def test_lists_of_splits_and_the_only_folder(tmp_path):
    for name in ("captions.csv", "train.txt", "val.txt", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "photos").mkdir()
    (tmp_path / ".cache").mkdir()
    found = find_own_tables(tmp_path)
    assert found.images == tmp_path / "photos"
    assert found.split_lists == (f"train={tmp_path}/train.txt", f"val={tmp_path}/val.txt")
    assert "captions.csv for the captions and train.txt, val.txt for the splits" in found.in_words()
    (tmp_path / "more").mkdir()
    assert find_own_tables(tmp_path).images == tmp_path  # it may be either


def test_two_tables_of_one_kind_are_not_chosen_from(tmp_path):
    for name in ("labels.csv", "tags.csv"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match="holds labels.csv and tags.csv; give one of them as --lab"):
        find_own_tables(tmp_path)
