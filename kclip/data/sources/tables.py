"""Reads the text files that users bring (CSV, JSON, lists), with errors that say what to mend."""

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kclip.errors import UserError


def read_csv(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yields the line number and the named columns of each row, stripped; absent cells are "".

    Raises:
        UserError: the file is missing, is not UTF-8 CSV, or lacks a column.
    """
    with _user_errors(path, "a CSV file"), path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        found = [name.strip() for name in rows.fieldnames or ()]
        rows.fieldnames = found
        if not set(columns) <= set(found):
            raise UserError(
                f"{path} has the columns {_quoted(found)}; expected {_quoted(columns)} "
                "in its first line."
            )
        for row in rows:
            yield rows.line_num, tuple((row[name] or "").strip() for name in columns)


def csv_columns(path: Path) -> list[str]:
    """The header of a CSV file; raises `UserError` as `read_csv` does."""
    with _user_errors(path, "a CSV file"), path.open(newline="", encoding="utf-8-sig") as file:
        return [name.strip() for name in next(csv.reader(file), [])]


def read_json(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """Reads a JSON object that must have the given keys; raises `UserError` otherwise."""
    with _user_errors(path, "a JSON file"):
        content = json.loads(path.read_text(encoding="utf-8"))
    found = sorted(content) if isinstance(content, dict) else []
    if not set(keys) <= set(found):
        raise UserError(f"{path} holds {_quoted(found)} at its top; expected {_quoted(keys)}.")
    return content


def read_list(path: Path) -> list[str]:
    """Reads a text file with one name a line, blank lines skipped; raises `UserError`."""
    with _user_errors(path, "a text file with one name a line"):
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [line.strip() for line in lines if line.strip()]


@contextmanager
def _user_errors(path: Path, expected: str) -> Iterator[None]:
    """Turns a failure to read `path` into a `UserError` that says what was expected there."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise UserError(f"{path}: {reason.lower()}; expected {expected} there.") from None
    except (UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise UserError(f"{path} is not {expected} in UTF-8: {error}.") from None


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "nothing"
