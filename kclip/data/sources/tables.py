"""Reads the tables that users bring: any separator and encoding, columns known by their names."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kclip.data.image_record import Rejection
from kclip.data.sources.reading_options import DEFAULTS, ReadingOptions
from kclip.data.sources.row_parsing import BadRow, Row, parse_rows
from kclip.data.sources.text_files import quoted, read_text, split_lines
from kclip.errors import UserError

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
# What tables call these columns, in any case; those of Flickr30k's results.csv are among them.
IMAGE_NAMES = ("image", "filename", "file_name", "image_name")
CAPTION_NAMES = ("caption", "captions", "comment", "text")
LABEL_NAMES = ("labels", "tags", "label")
SPLIT_NAMES = ("split",)
# Flickr8k.token.txt and Flickr30k's .token have no header: IMAGE#NUMBER, a tab, the caption.
_TOKEN_LINE = re.compile(r"([^\t\n]+)#\d+\t(.*)")


@dataclass(frozen=True)
class Table:
    """The content of a table.

    Attributes:
        path: the file.
        columns: names in the first line, without spaces around them.
        rows: line number and one stripped cell for each column.
        rejections: lines that were left out, each named by its number.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    rejections: tuple[Rejection, ...]

    def find(self, names: Sequence[str], chosen: str | None, flag: str) -> int | None:
        """Returns which column has one of the names, in any case; None where none has.

        Args:
            names: lower-case names that such a column usually has.
            chosen: the name that the user gave.
            flag: by which the user gives it.

        Raises:
            UserError: the chosen column is missing, or several have such names.
        """
        if chosen is not None:
            names = [chosen] if chosen in self.columns else [chosen.strip().casefold()]
        own = self.columns if chosen in self.columns else [c.casefold() for c in self.columns]
        found = [number for number, name in enumerate(own) if name in names]
        if chosen is not None and not found:
            raise UserError(
                f"{self.path} has no column {chosen!r} ({flag}); it has {quoted(self.columns)}."
            )
        if len(found) > 1:
            both = quoted([self.columns[number] for number in found])
            raise UserError(f"{self.path} has the columns {both}; say which one by {flag}.")
        return found[0] if found else None

    def left_aside(self, *used: int | None) -> tuple[str, ...]:
        """A sentence on the named columns that were not used, if there are any."""
        rest = [name for number, name in enumerate(self.columns) if name and number not in used]
        return (f"{self.path.name}: columns left aside: {quoted(rest)}",) if rest else ()


def read_table(path: Path, options: ReadingOptions = DEFAULTS) -> Table:
    """Reads a table whose first line names its columns.

    Of two columns, the image's and another one, the second may hold separators that nobody quoted:
    all of the line after the first separator is then its cell. Any other line with too many cells
    or too few is rejected.

    Raises:
        UserError: the file can't be read, its separator is unclear, or two columns have one name.
    """
    text = read_text(path, "a CSV file", options.encoding)
    if hint := re.match(r"sep=([,;\t|])\r?\n?", text):  # Excel's
        text = "\n" + text[hint.end() :]
    if text.lstrip().startswith(("{", "[")):
        raise UserError(_json_advice(path, text))
    if _TOKEN_LINE.match(text):
        return _token_table(path, text)
    separator = _separator(path, text, options, hint[1] if hint else None)
    header = next(parse_rows(text, separator), None)
    if isinstance(header, BadRow):
        raise UserError(f"{path} line {header.line} has {header.reason}; expected column names.")
    columns = tuple(cell.strip() for cell in header.cells) if header else ()
    if "\0" in "".join(columns):
        raise UserError(
            f"{path} holds NUL characters; give its encoding, such as utf-16-le, as --encoding."
        )
    twice = [name for name, count in Counter(columns).items() if count > 1 and name]
    if twice:
        raise UserError(
            f"{path} has two columns {twice[0]!r}; expected one name for each column in its first "
            "line, so rename one of them."
        )
    rows, rejections = [], []
    names = (*IMAGE_NAMES, (options.image_column or "").strip().casefold())
    takes_rest = len(columns) == 2 and columns[1].casefold() not in names
    for row in list(parse_rows(text, separator, len(columns)))[1:]:
        cells = _fitted(row, columns, separator if takes_rest else None)
        if isinstance(cells, str):
            rejections.append(Rejection(f"{path.name} line {row.line}", cells))
        elif any(cells):
            rows.append((row.line, cells))
    return Table(path, columns, tuple(rows), tuple(rejections))


def _json_advice(path: Path, text: str) -> str:
    lines = text.split("\n", 2)[:2]
    if [line.strip()[:1] + line.strip()[-1:] for line in lines] == ["{}", "{}"]:
        return (
            f"{path} has an object of JSON in each line, which is not read; write a CSV with the "
            "header image,caption."
        )
    return f"{path} is JSON, not a CSV file; give --source coco or --source karpathy."


def _token_table(path: Path, text: str) -> Table:
    rows, rejections = [], []
    for number, line in enumerate(split_lines(text), start=1):
        if match := _TOKEN_LINE.fullmatch(line):
            rows.append((number, (match[1].strip(), match[2].strip())))
        elif line.strip():
            reason = "expected IMAGE#NUMBER, a tab and a caption"
            rejections.append(Rejection(f"{path.name} line {number}", reason))
    return Table(path, ("image", "caption"), tuple(rows), tuple(rejections))


def line_name(table: Table, line: int) -> str:
    """What reports call a line of a table."""
    return f"{table.path.name} line {line}"


def _fitted(row: Row | BadRow, columns: Sequence[str], joint: str | None) -> tuple[str, ...] | str:
    """As many cells as there are columns, or why not; cells too many are joined by `joint`."""
    if isinstance(row, BadRow):
        return row.reason
    width = len(columns)
    cells = tuple(cell.strip() for cell in row.cells)
    if "\0" in "".join(cells):
        return "a NUL character"
    if len(cells) > width and not any(cells[width:]):
        cells = cells[:width]  # a spreadsheet filled the row up
    if len(cells) < width and not any(columns[len(cells) :]):
        cells += ("",) * (width - len(cells))  # or its header
    if joint and len(cells) > width and not row.is_quoted:
        rest = joint.join(row.cells[1:]).strip()
        if not (rest.startswith('"') and rest.endswith('"')):
            return cells[0], rest
    if len(cells) != width:
        much = "many" if len(cells) > width else "few"
        return f"too {much} cells: {len(cells)}, expected {width}"
    return cells


def _separator(path: Path, text: str, options: ReadingOptions, hint: str | None) -> str:
    given = options.separator
    if given is not None:
        found = SEPARATORS.get(given.lower(), given.replace("\\t", "\t"))
        if found not in SEPARATORS.values():
            raise UserError(
                f"--separator is {given!r}; expected one of {', '.join(SEPARATORS)}, or one of "
                "these characters itself."
            )
        return found
    if hint:
        return hint
    known = {name.strip().casefold() for name in (options.image_column,) if name} or IMAGE_NAMES
    headers = {
        mark: [cell.strip().casefold() for cell in row.cells]
        for mark in SEPARATORS.values()
        if isinstance(row := next(parse_rows(text, mark), None), Row)
    }
    several = [mark for mark, cells in headers.items() if len(cells) > 1]
    naming = [mark for mark in several if any(cell in known for cell in headers[mark])]
    if len(naming or several) > 1:
        marks = " or ".join(repr(mark) for mark in naming or several)
        raise UserError(
            f"the first line of {path} can be split at {marks}; say what stands between its cells "
            f"by --separator, and name its columns there, such as image,caption."
        )
    return next(iter(naming or several), ",")
