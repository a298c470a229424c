"""Writing files so that a reader never meets half of one."""

import csv
import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kclip.errors import UserError
from kclip.files.scratch import remove_silent_files, scratch_beside

# Of a terminal, but for the tab and the line break.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@contextmanager
def replaced_when_done(
    path: Path, scratch: Path | None = None, durable: bool = False
) -> Iterator[Path]:
    """Yields a temporary path that takes the name of `path` when the block ends well.

    The folder is made where it is missing. If the block raises, `path` is as it was before.

    Args:
        path: the file.
        scratch: folder of the temporary file, `*.tmp` then, on the same disk; by default it lies
            beside `path`, with the same suffix.
        durable: whether the bytes must have reached the disk before the name does.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "results" / "note.txt"
        >>> with replaced_when_done(target) as temporary:
        ...     _ = temporary.write_text("done")
        >>> target.read_text()
        'done'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unique = uuid.uuid4().hex[:8]
    if scratch is None:
        remove_silent_files(path)
        # The suffix stays, since np.save and matplotlib read the format from it.
        temporary = path.with_name(f".{path.stem}.{unique}{path.suffix}")
    else:
        temporary = scratch / f"{path.name}.{unique}.tmp"
    try:
        yield temporary
        if durable:
            flush_to_disk(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush_to_disk(path: Path) -> None:
    """Waits until the bytes of a file have reached the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def folder_when_done(path: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `path` that takes its name when the block ends well.

    Raises:
        UserError: `path` is there already and is no empty folder.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "results"
        >>> with folder_when_done(target) as folder:
        ...     _ = (folder / "note.txt").write_text("done")
        >>> [file.name for file in target.iterdir()]
        ['note.txt']
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(f"{path} is there already; give another folder, or delete this one")
    with scratch_beside(path) as scratch:
        folder = scratch / path.name
        folder.mkdir()
        yield folder
        folder.replace(path)


@contextmanager
def folder_replaced_when_done(path: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `path` that takes its place when the block ends well.

    What `path` held before is there until the new folder is complete, and is removed last. If the
    block raises, `path` is as it was.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "model"
        >>> for text in ("old", "new"):
        ...     with folder_replaced_when_done(target) as folder:
        ...         _ = (folder / "note.txt").write_text(text)
        >>> (target / "note.txt").read_text()
        'new'
    """
    with scratch_beside(path) as scratch:
        folder, old = scratch / path.name, scratch / "old"
        folder.mkdir()
        yield folder
        if path.exists():
            path.rename(old)
        try:
            folder.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise


def write_metrics(path: Path, results: Mapping[str, Any]) -> None:
    """Writes results as JSON, one line for each innermost list, so that tables stay readable.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "metrics.json"
        >>> write_metrics(path, {"accuracy": 0.5, "confusion_matrix": [[1, 1], [0, 0]]})
        >>> print(path.read_text().strip())
        {
          "accuracy": 0.5,
          "confusion_matrix": [
            [1, 1],
            [0, 0]
          ]
        }
    """
    text = json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False)
    # A line break never stands inside a JSON string, so joining lines changes no value.
    text = re.sub(r"([\[{])\n\s+([^\[\]{}]*?)\n\s+([\]}])", _one_line, text)
    write_text(path, text + "\n")


def _one_line(match: re.Match[str]) -> str:
    opening, inside, closing = match.groups()
    return opening + re.sub(r"\n\s+", " ", inside) + closing


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Writes a CSV for people and their spreadsheets; the file appears whole or not at all.

    A text that a spreadsheet would take for a formula, and might run, gets an apostrophe in front;
    control characters of terminals are written as escapes.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "classes.csv"
        >>> write_csv(path, ["class", "score"], [["=cmd|' /C calc'!A0", "-0.5"], ["dog", 1.5]])
        >>> print(path.read_text().strip())
        class,score
        '=cmd|' /C calc'!A0,-0.5
        dog,1.5
    """
    with (
        replaced_when_done(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([_no_formula(cell) for cell in row] for row in rows)


def printable(value: Any) -> str:
    r"""Turns a value into text that a terminal and a UTF-8 file take, whatever bytes a name has.

    Example:
        >>> print(printable(b"caf\xe9.png".decode("utf-8", "surrogateescape")))
        caf\udce9.png
    """
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def write_text(path: Path, text: str) -> None:
    r"""Writes a text file, which appears whole or not at all.

    Bytes of file names that are no UTF-8, which Python keeps as lone surrogates, are written as
    escapes such as `\udcff`: JSON reads them back as they were.
    """
    with replaced_when_done(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


class OutsideFolderError(UserError):
    """A name that leads out of the folder in which it is looked for."""


def path_inside(
    folder: Path, name: str, allow_outside: bool = False, follow_links: bool = False
) -> Path:
    """Joins a name that comes from a file with the folder that it must stay in.

    Args:
        folder: where `name` is looked for.
        name: a path below it; an absolute one, one with `..` or one through a link may lead out.
        allow_outside: the user's word that it may.
        follow_links: whether links in the folder may lead out, as in the folders of a known data
            set, where links are the user's own.

    Raises:
        OutsideFolderError: it leads out.

    Example:
        >>> path_inside(Path("photos"), "zoo/1.jpg").as_posix()
        'photos/zoo/1.jpg'
        >>> path_inside(Path("photos"), "../key.pem")
        Traceback (most recent call last):
        ...
        kclip.files.OutsideFolderError: '../key.pem' leads outside of photos; name files within it.
    """
    path = folder / name
    resolve = os.path.abspath if follow_links else os.path.realpath
    if not allow_outside and not _is_inside(path, folder, resolve):
        raise OutsideFolderError(f"{name!r} leads outside of {folder}; name files within it.")
    return path


def _is_inside(path: Path, folder: Path, resolve: Callable[[Path], str]) -> bool:
    try:
        real, real_folder = resolve(path), resolve(folder)
    except (OSError, ValueError):  # a loop of links, a NUL character
        return False
    return real == real_folder or real.startswith(real_folder.rstrip(os.sep) + os.sep)


def _no_formula(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    # Python before 3.13 leaves a carriage return without quotes, and so ends the row there.
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    cell = _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), cell)
    # The beginnings that OWASP lists under "CSV injection"; a negative number is no formula.
    if not cell.startswith(("=", "+", "-", "@", "\t", "\n")):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
