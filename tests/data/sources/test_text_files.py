import json

import pytest

from kclip.data.sources.text_files import read_json, read_list, read_text, split_lines
from kclip.errors import UserError

TEXT = "é 犬 🐶"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_tell_the_encoding(tmp_path, encoding):
    path = tmp_path / "names.txt"
    path.write_bytes(f"{TEXT}\n\n b \n".encode(encoding))
    assert read_list(path) == [TEXT, "b"]
    path.write_bytes(json.dumps({"name": TEXT}, ensure_ascii=False).encode(encoding))
    assert read_json(path, ("name",)) == {"name": TEXT}


def test_another_encoding_is_named(tmp_path):
    path = tmp_path / "names.txt"
    path.write_bytes(b"a\ncaf\xe9")
    assert read_text(path, encoding="latin-1") == "a\ncafé"
    with pytest.raises(UserError, match=r"names.txt line 2 .* in UTF-8; .* as --encoding"):
        read_text(path)
    with pytest.raises(UserError, match="--encoding klingon is unknown"):
        read_text(path, encoding="klingon")


def test_only_line_breaks_of_files_end_a_line():
    text = "a\r\nb\rc\nd\u2028e\x85f\x0cg"
    assert split_lines(text) == ["a", "b", "c", "d\u2028e\x85f\x0cg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "holds a list at its top; expected an object with 'images'"),
        ('"text"', "holds a text at its top"),
        ("7", "holds a single value at its top"),
        ('{"info": 1}', "holds 'info' at its top; expected 'images'"),
        ("{}", "holds nothing at its top"),
        ("{", "is not a JSON file"),
        ("[" * 100_000, "is not a JSON file"),
    ],
)
def test_other_json_is_refused(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=message):
        read_json(tmp_path / "x.json", ("images",))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"gone.txt: no such file .* expected a text file"):
        read_list(tmp_path / "gone.txt")
    with pytest.raises(UserError, match="is a directory; expected a JSON file"):
        read_json(tmp_path, ())
