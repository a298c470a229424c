import pytest

from kclip.data.images.content import check_unseen, content_digests
from kclip.errors import UserError


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(200)]
    for number, path in enumerate(paths):
        path.write_bytes(str(number).encode())
    return paths


def test_the_same_bytes_have_the_same_digest(files, tmp_path):
    copy = tmp_path / "copy.png"
    copy.write_bytes(files[7].read_bytes())
    digests = content_digests([*files, copy])
    assert digests[-1] == digests[7]
    assert len(set(digests)) == 200


def test_a_few_copies_are_named(files, caplog):
    check_unseen(content_digests(files[100:102]), files, "the probe")
    assert "2 of 200 test images were trained on by the probe" in caplog.text


def test_many_copies_are_refused(files):
    with pytest.raises(UserError, match="was trained on 100 of the 200 test images .*100.png"):
        check_unseen(content_digests(files[100:]), files, "the probe")


def test_nothing_is_said_where_nothing_is_shared(files, capsys):
    check_unseen(content_digests(files[100:]), files[:100], "the probe")
    assert capsys.readouterr().out == ""
