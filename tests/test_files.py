import pytest

from kclip.files import replaced_when_done


def test_the_file_appears_whole_in_a_new_folder(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with replaced_when_done(path) as temporary:
        temporary.write_text("a,b\n")
        assert not path.exists()
        assert temporary.suffix == ".csv"
    assert path.read_text() == "a,b\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replaced_when_done(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
