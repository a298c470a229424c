"""Files from elsewhere give their content or one kind of error, and never wait or swell."""

import json
import os
import zipfile

import numpy as np
import pytest

from kclip.errors import UserError
from kclip.reading import in_one_sentence, open_arrays, parse_json, read_file


def test_only_files_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_file(tmp_path / "link") == b"abc"
    os.mkfifo(tmp_path / "pipe")
    for path, fault in ((tmp_path / "pipe", "a pipe"), (tmp_path, "a folder|directory")):
        with pytest.raises(OSError, match=fault):
            read_file(path)
    with pytest.raises(OSError, match="a device, not a file"):
        read_file("/dev/zero")
    with pytest.raises(OSError, match="3 bytes, where 2 are the most"):
        read_file(tmp_path / "file", most=2)


@pytest.mark.parametrize(
    "text",
    ["", "{", "NaN", "[-Infinity]", "1e400", "9" * 5000, "9" * 400, "[" * 10**5, '"\ud800', "\0"],
)
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError):
        parse_json(text)
    with pytest.raises(ValueError):
        parse_json(text.encode("utf-8", "surrogatepass"))


def test_json_is_read_as_the_library_reads_it():
    value = {"a": [1, -2.5, None, True, "é", {"b": 10**20}]}
    for data in (json.dumps(value), json.dumps(value).encode(), "\ufeff".encode() + b"[1]"):
        assert parse_json(data) in (value, [1])


def test_arrays_come_back_and_damage_is_a_value_error(tmp_path):
    path = tmp_path / "arrays.npz"
    np.savez(path, a=np.arange(3), b=np.array(["x"]))
    with open_arrays(path, 10**4) as arrays:
        assert arrays["a"].tolist() == [0, 1, 2] and arrays["b"].tolist() == ["x"]
        with pytest.raises(ValueError, match="holds no array 'c'"):
            arrays["c"]
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(100):
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(bytes(data[: rng.integers(1, len(data) + 1)]))
        try:
            with open_arrays(path, 10**4) as arrays:
                dict(arrays)
        except ValueError:
            pass


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("embeddings.npy", "w", force_zip64=True) as file:
            for _ in range(64):
                file.write(bytes(2**20))
    assert path.stat().st_size < 10**5
    with pytest.raises(ValueError, match="unpacks to 67,108,864 bytes"):
        with open_arrays(path, 10**6):
            pass


def test_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        with open_arrays(tmp_path / "objects.npz", 10**6):
            pass


def test_any_error_becomes_one_sentence_with_advice():
    with pytest.raises(UserError) as error, in_one_sentence("the weights", "give a file"):
        raise ConnectionError("no route\n  to host")
    sentence = "the weights cannot be loaded (ConnectionError: no route to host); give a file"
    assert str(error.value) == sentence


def test_a_users_mistake_stays_what_it_is():
    with pytest.raises(UserError, match="^no such size$"), in_one_sentence("it", "do that"):
        raise UserError("no such size")
