import pytest

from kclip.data.sources.tables import csv_columns, read_csv, read_json, read_list
from kclip.errors import UserError


def test_csv_gives_line_numbers_and_stripped_cells(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('\ufeff a ,b,c\n1, 2 ,3\n"4\n4",5\n')
    assert csv_columns(path) == ["a", "b", "c"]
    assert list(read_csv(path, ("b", "a"))) == [(2, ("2", "1")), (4, ("5", "4\n4"))]
    assert list(read_csv(path, ("c",))) == [(2, ("3",)), (4, ("",))]


def test_lists_skip_blank_lines(tmp_path):
    path = tmp_path / "l.txt"
    path.write_bytes(b" a b.jpg \r\n\r\nc.jpg")
    assert read_list(path) == ["a b.jpg", "c.jpg"]


def test_folders_and_binary_files_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="is a directory; expected a text file"):
        read_list(tmp_path)
    path = tmp_path / "picture"
    path.write_bytes(b"\x89PNG\xff")
    with pytest.raises(UserError, match="is not a CSV file in UTF-8"):
        csv_columns(path)
    with pytest.raises(UserError, match="is not a JSON file in UTF-8"):
        read_json(path, ())


def test_json_must_be_an_object(tmp_path):
    path = tmp_path / "t.json"
    path.write_text("[1]")
    with pytest.raises(UserError, match="holds nothing at its top; expected 'images'"):
        read_json(path, ("images",))
