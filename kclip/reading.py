"""Reading files that others wrote: whole or not at all, and never more than asked for."""

import csv
import errno
import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kclip.errors import KclipError, UserError

# JSON and word lists of the largest vocabularies take some 30 MB.
MOST_BYTES_OF_TEXT = 2**28


@contextmanager
def in_one_sentence(what: str, advice: str) -> Iterator[None]:
    """Turns whatever a library raises into a `UserError`, since each has errors of its own.

    Args:
        what: what is loaded or read, such as "the KerasHub preset 'clip_vit_base_patch32'".
        advice: what to do instead.

    Example:
        >>> with in_one_sentence("the weights", "give a file"):
        ...     raise OSError("gone")
        Traceback (most recent call last):
        ...
        kclip.errors.UserError: the weights cannot be loaded (OSError: gone); give a file
    """
    try:
        yield
    except (KclipError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a library in Rust that panics raises no `Exception`
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UserError(f"{what} cannot be loaded ({reason}); {advice}") from error


class _WholeArrays(dict[str, np.ndarray]):
    """Arrays by their names; a missing one is a `ValueError`, as any other fault of the file."""

    def __missing__(self, name: str) -> np.ndarray:
        raise ValueError(f"holds no array {name!r}")


class NotAFileError(OSError):
    """A folder, pipe, socket or device where a file was expected; `kind` says which."""

    def __init__(self, kind: str):
        super().__init__(errno.EINVAL, f"{kind}, not a file")
        self.kind = kind


def read_file(path: Path, most: int | None = None, first: int = -1) -> bytes:
    """Reads a file that is one: a pipe or device would keep its reader waiting for ever.

    Args:
        path: the file, or a link to one.
        most: bytes that it may have; None for any number.
        first: how many bytes to read; all where it is negative.

    Raises:
        NotAFileError: it is something else.
        OSError: it is missing, larger than `most`, or cannot be read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "photo.jpg"
        >>> os.mkfifo(path)
        >>> read_file(path)
        Traceback (most recent call last):
        ...
        kclip.reading.NotAFileError: [Errno 22] a pipe, not a file
    """
    # Without O_NONBLOCK, opening a pipe waits for somebody who writes into it. Not opened at all
    # where it is seen before: opening alone may start a device.
    _refuse_other_kinds(os.stat(path).st_mode)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(handle, "rb") as file:
        _refuse_other_kinds(os.fstat(handle).st_mode)
        size = os.fstat(handle).st_size
        if most is not None and size > most:
            raise OSError(errno.EFBIG, f"{size:,} bytes, where {most:,} are the most")
        return file.read(first)


def _refuse_other_kinds(mode: int) -> None:
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}
    if not stat.S_ISREG(mode):
        raise NotAFileError(kinds.get(stat.S_IFMT(mode), "a device"))


def parse_json(data: bytes | str) -> Any:
    """Reads JSON, with a byte-order mark or without.

    Raises:
        ValueError: it is no UTF-8, no JSON, too deep, or holds NaN, infinity or a number beyond
            float64, which JSON has not.

    Example:
        >>> parse_json(b'{"epochs": 3}')
        {'epochs': 3}
        >>> parse_json("[1e999]")
        Traceback (most recent call last):
        ...
        ValueError: the number 1e999 is too large
    """
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff")
    try:
        return json.loads(
            text, parse_constant=_finite, parse_float=_finite, parse_int=_exact_integer
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_json_file(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        OSError: it is missing, no file, or cannot be read.
        ValueError: as of `parse_json`.
    """
    return parse_json(read_file(path, MOST_BYTES_OF_TEXT))


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"the number {digits[:20]} is too large")
    return value


def _exact_integer(digits: str) -> int:
    _finite(digits)
    return int(digits)


@contextmanager
def open_arrays(path: Path, most_bytes: int) -> Iterator[Mapping[str, np.ndarray]]:
    """Opens the arrays of an `.npz`; nothing is unpacked that would take more memory than asked.

    Args:
        path: the file.
        most_bytes: what all arrays may take together.

    Yields:
        The arrays by their names, without any that holds Python objects.

    Raises:
        ValueError: the file is missing, damaged, no `.npz`, or larger; or an array that is asked
            for is not there.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "zeros.npz"
        >>> np.savez_compressed(path, zeros=np.zeros(10**6))
        >>> with open_arrays(path, most_bytes=10**6) as arrays:
        ...     arrays["zeros"]
        Traceback (most recent call last):
        ...
        ValueError: it unpacks to 8,000,128 bytes, where 1,000,000 are the most
    """
    try:
        data = read_file(path)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            total = sum(entry.file_size for entry in archive.infolist())
        if total > most_bytes:
            raise ValueError(f"it unpacks to {total:,} bytes, where {most_bytes:,} are the most")
        with np.load(io.BytesIO(data), allow_pickle=False) as saved:
            arrays = _WholeArrays({name: saved[name] for name in saved.files})
    except ValueError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise many kinds on damaged files
        raise ValueError(" ".join(str(error).split())[:200] or type(error).__name__) from error
    yield arrays


def read_history(path: Path) -> dict[str, list[float]]:
    """Reads `history.csv`: column -> one value an epoch, NaN for an empty cell.

    Raises:
        UserError: the file is missing or damaged.
    """
    with in_one_sentence(f"the history in {path}", "train again"):
        rows = list(csv.DictReader(io.StringIO(read_file(path).decode())))
        columns = rows[0] if rows else {}
        return {name: [float(row[name] or "nan") for row in rows] for name in columns}
