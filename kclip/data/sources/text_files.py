"""Reads the text files that users bring (lists, JSON, tables), with errors that say what to do."""

import codecs
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kclip.errors import UserError
from kclip.reading import parse_json

# The longest first: the mark of UTF-32 begins with that of UTF-16.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: Path, expected: str = "a text file", encoding: str | None = None) -> str:
    """Reads a whole text file.

    Args:
        path: the file.
        expected: what should be there, for messages.
        encoding: such as latin-1; by default the one that a byte-order mark names, else UTF-8.

    Raises:
        UserError: the file is missing or unreadable, or its bytes are not of that encoding.
    """
    with user_errors(path, expected):
        data = path.read_bytes()
    marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    used = marked or encoding or "utf-8"
    try:
        return data.decode(used)
    except LookupError:
        raise UserError(
            f"--encoding {encoding} is unknown; expected a name such as utf-8, latin-1, cp1252 or "
            "shift_jis."
        ) from None
    except UnicodeError as error:
        at = data[: getattr(error, "start", 0)].count(b"\n") + 1
        raise UserError(
            f"{path} line {at} is not {expected} in {used.removesuffix('-sig').upper()}; expected "
            "UTF-8, or its encoding as --encoding, such as latin-1 or cp1252."
        ) from None


def split_lines(text: str) -> list[str]:
    r"""Splits at \n, \r\n and \r alone: other marks, such as U+2028, may stand in a caption."""
    return re.split(r"\r\n|\n|\r", text)


def read_list(path: Path) -> list[str]:
    """Reads a text file with one name a line, blank lines skipped; raises `UserError`."""
    lines = split_lines(read_text(path, "a text file with one name a line"))
    return [line.strip() for line in lines if line.strip()]


def read_json(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """Reads a JSON object that must have the given keys; raises `UserError` otherwise."""
    text = read_text(path, "a JSON file")
    try:
        content = parse_json(text)
    except ValueError as error:
        raise UserError(f"{path} is not a JSON file in UTF-8: {error}.") from None
    if not isinstance(content, dict):
        kind = {list: "a list", str: "a text"}.get(type(content), "a single value")
        raise UserError(f"{path} holds {kind} at its top; expected an object with {quoted(keys)}.")
    if not set(keys) <= set(content):
        raise UserError(
            f"{path} holds {quoted(sorted(content))} at its top; expected {quoted(keys)}."
        )
    return content


def quoted(names: Sequence[str]) -> str:
    """Names in quotes with commas between, long ones and many cut; "nothing" for none."""
    shown = [repr(name if len(name) <= 40 else f"{name[:37]}...") for name in names[:20]]
    more = [f"{len(names) - 20} more"] if len(names) > 20 else []
    return ", ".join(shown + more) or "nothing"


@contextmanager
def user_errors(path: Path, expected: str) -> Iterator[None]:
    """Turns a failure to read `path` into a `UserError` that says what was expected there."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise UserError(f"{path}: {reason.lower()}; expected {expected} there.") from None
