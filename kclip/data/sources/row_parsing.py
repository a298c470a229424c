"""From the text of a table to its rows, without a row that swallows the ones after it.

The `csv` module (and pandas and polars with it) lets a quote that is never closed run to the next
quote, however many rows lie between, and cuts a text at a quote within it. Here a cell counts as
quoted only where its closing quote stands before a separator or the end of a line; whatever can be
read in two ways is a `BadRow`, which names its line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from kclip.data.images.kinds import image_suffixes
from kclip.data.sources.text_files import split_lines

_MOST_LINES = 20  # of one cell; a text that is longer is several rows after an open quote


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        line: number of its first line, from 1.
        cells: as they stand between the separators, spaces included; quotes are taken off.
        is_quoted: whether a cell was in quotes.
    """

    line: int
    cells: tuple[str, ...]
    is_quoted: bool


@dataclass(frozen=True)
class BadRow:
    """A line that can't be read: its number, and why in a few words, with how it begins."""

    line: int
    reason: str


@dataclass(frozen=True)
class _Patterns:
    """What a cell may look like, for one separator and one way to escape a quote."""

    quoted: re.Pattern[str]  # a whole quoted cell, up to a separator or the end
    unclosed: re.Pattern[str]  # a quoted cell that goes on after the end of the text
    plain: re.Pattern[str]
    escape: str  # what stands before a quote within quotes


def parse_rows(text: str, separator: str, width: int | None = None) -> Iterator[Row | BadRow]:
    r"""Yields the rows of a table; blank lines are skipped.

    A quote inside a quoted cell is doubled, or has a backslash before it; a quoted cell may have
    several lines and spaces around it. A backslash before a separator outside of quotes takes its
    meaning away.

    Args:
        text: all of it.
        separator: one character.
        width: how many cells a row should have, by which of two readings the right one is known.

    Example:
        >>> text = 'a.jpg, "red, round"\nb.jpg,"never closed\nc.jpg,a "cat"'
        >>> for row in parse_rows(text, ","):
        ...     print(row)
        Row(line=1, cells=('a.jpg', 'red, round'), is_quoted=True)
        BadRow(line=2, reason='a quote that is never closed: b.jpg,"never closed')
        Row(line=3, cells=('c.jpg', 'a "cat"'), is_quoted=False)
    """
    lines = split_lines(text)
    number = 0
    while number < len(lines):
        if not lines[number].strip():
            number += 1
            continue
        row, number = _likelier_row(lines, number, separator, width)
        yield row


def _likelier_row(
    lines: list[str], start: int, separator: str, width: int | None
) -> tuple[Row | BadRow, int]:
    """The row that begins at a line, by the way to escape quotes that suits it; the next line."""
    doubled = _read(lines, start, _patterns(separator, '"'), separator)
    if _has_width(doubled[0], width) or "\\" not in "".join(lines[start : doubled[1]]):
        return doubled
    backslashed = _read(lines, start, _patterns(separator, "\\"), separator)
    if _has_width(backslashed[0], width) or isinstance(doubled[0], BadRow):
        return backslashed
    return doubled


def _has_width(row: Row | BadRow, width: int | None) -> bool:
    return isinstance(row, Row) and (width is None or len(row.cells) == width)


@lru_cache
def _patterns(separator: str, escape: str) -> _Patterns:
    end = rf"(?={re.escape(separator)}|\Z)"
    space = "[ \t]*" if separator != "\t" else " *"
    inside = '(?:[^"]|"")*+' if escape == '"' else r'(?:[^"\\]|""|\\.)*+'
    return _Patterns(
        re.compile(rf'{space}"({inside})"{space}{end}', re.DOTALL),
        re.compile(rf'{space}"{inside}\\?\Z', re.DOTALL),
        re.compile(rf"((?:\\{re.escape(separator)}|[^{re.escape(separator)}])*+)", re.DOTALL),
        escape,
    )


def _read(
    lines: list[str], start: int, patterns: _Patterns, separator: str
) -> tuple[Row | BadRow, int]:
    """The row that begins at a line, and the line after it."""
    text, end = lines[start], start + 1
    while True:
        parsed = _cells(text, patterns, separator)
        if parsed is not None:
            cells, is_quoted, has_doubt = parsed
            if has_doubt and end > start + 1:  # a quote closed only by another row's quotes
                return _unclosed(lines, start)
            if has_doubt:
                reason = "quotes within quotes that can be read in two ways"
                return BadRow(start + 1, f"{reason}: {_beginning(text)}"), end
            return Row(start + 1, tuple(cells), is_quoted), end
        is_last = end in (len(lines), start + _MOST_LINES)
        if is_last or _looks_like_row(lines[end], lines[start], separator):
            return _unclosed(lines, start)
        text, end = f"{text}\n{lines[end]}", end + 1


def _unclosed(lines: list[str], start: int) -> tuple[BadRow, int]:
    return BadRow(start + 1, f"a quote that is never closed: {_beginning(lines[start])}"), start + 1


def _cells(text: str, patterns: _Patterns, separator: str) -> tuple[list[str], bool, bool] | None:
    """Cells, whether one is quoted, whether there is doubt; None where a quote is still open."""
    cells, is_quoted, position = [], False, 0
    has_doubt = False
    while True:
        if match := patterns.quoted.match(text, position):
            cells.append(_unescaped(match[1], patterns.escape))
            is_quoted = True
        elif patterns.unclosed.match(text, position):
            return None
        else:
            match = patterns.plain.match(text, position)
            assert match is not None  # it matches nothing at all, too
            cells.append(
                match[1]
                .replace("\\" + separator, separator)
                .replace('\\"', '"')
                .replace("\\'", "'")
            )
            # Quotes that no rule accepts: over several lines the first one was never closed.
            cell = match[1].strip()
            has_end = len(cell) > 1 and cell.endswith('"')
            has_doubt |= cell.startswith('"') and ("\n" in text or has_end or '""' in cell)
        position = match.end()
        if position >= len(text):
            return cells, is_quoted, has_doubt
        position += 1


def _unescaped(cell: str, escape: str) -> str:
    # An apostrophe needs no escape, but has one at times.
    marks = "'" if escape == '"' else "\"'\\\\"
    return re.sub(rf'""|\\([{marks}])', lambda match: match[1] or '"', cell)


def _looks_like_row(line: str, first: str, separator: str) -> bool:
    """Whether a line within an open quote is more likely the next row.

    It is where its first cell looks like that of the row which has the quote (the same suffix, or
    digits and letters in the same order), or where both end with the name of an image.
    """
    own, cells = ([cell.strip() for cell in text.split(separator)] for text in (first, line))
    if len(cells) < 2:
        return False
    if _suffix(own[-1]) in image_suffixes() and _suffix(cells[-1]) in image_suffixes():
        return True
    if own[0].startswith('"'):
        return False
    if suffix := _suffix(own[0]):
        return _suffix(cells[0].strip('"')) == suffix
    return _shape(cells[0]) == _shape(own[0])


def _suffix(name: str) -> str:
    match = re.search(r"\.[A-Za-z0-9]{2,5}\Z", name)
    return match[0].lower() if match else ""


def _shape(cell: str) -> str:
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", cell))


def _beginning(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
