"""Markdown that shows what people typed as they typed it: escaping, code, tables.

Names of classes and files come from users' data: a bar would end a table's cell, a line break the
table, and `[click](http://...)` would be a link.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from kclip.files import printable

# What would break a line: control characters, and Unicode's own line breaks.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# What means something to Markdown as GitHub renders it (dollar signs are formulas, addresses become
# links by themselves), and no more than that, so that a report reads well as plain text, too.
_SPECIAL = re.compile(
    r"""
    [`*|~$]                          # code, emphasis, cells, strikethrough, formulas
    | \\(?=[!-/:-@\[-`{-~]|$)        # escapes
    | (?<![^\W_])_ | _(?![^\W_])     # emphasis; within a word an underscore is none
    | \](?=[(\[:])                   # links, images and their definitions
    | <(?=[A-Za-z/!?])               # HTML
    | &(?=\#?\w+;)                   # entities
    | (?<=:)/(?=/) | (?<=www)\.      # addresses
    """,
    re.VERBOSE,
)


class Markdown(str):
    """A string that is Markdown already: tables leave it as it is, where others are escaped."""

    __slots__ = ()


def escape(value: Any) -> Markdown:
    r"""Turns any value into Markdown of one line that shows it literally.

    Example:
        >>> print(escape("a|b [x](http://y) fire_truck"))
        a\|b [x\](http:\//y) fire_truck
    """
    if isinstance(value, Markdown):
        return value
    return Markdown(_SPECIAL.sub(r"\\\g<0>", _BREAKS.sub(" ", printable(value))))


def code(text: str) -> Markdown:
    """Shows a text as code, such as a prompt template; in one line, backticks included.

    Example:
        >>> print(code("a photo of a {}."), code("a `b`"))
        `a photo of a {}.` ``a `b` ``
    """
    text = _BREAKS.sub(" ", printable(text))
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    start, end = (" " * text.startswith("`"), " " * text.endswith("`"))
    return Markdown(f"{fence}{start}{text}{end}{fence}")


def code_list(texts: Iterable[str]) -> Markdown:
    """Shows several texts as code, with commas between them."""
    return Markdown(", ".join(map(code, texts)))


def markdown_table(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a Markdown table with its columns aligned, so that it reads well as plain text too.

    Cells are escaped, except for those that are `Markdown`.

    Example:
        >>> print(markdown_table(("class", "F1"), [("red circle", "91.2 %")]))
        | class      | F1     |
        |------------|--------|
        | red circle | 91.2 % |
    """
    cells = [[_cell(value) for value in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def percent(fraction: float) -> str:
    """Writes a fraction in [0, 1] as percent.

    Example:
        >>> percent(0.125)
        '12.5 %'
    """
    return f"{100 * fraction:.1f} %"


def interval(ends: Sequence[float]) -> str:
    """Writes an interval within [0, 1] in percent.

    Example:
        >>> interval([0.25, 0.5])
        '[25.0, 50.0]'
    """
    low, high = ends
    return f"[{100 * low:.1f}, {100 * high:.1f}]"


def _cell(value: Any) -> str:
    if isinstance(value, Markdown):  # a bar ends a cell even within code
        return re.sub(r"(?<!\\)\|", r"\|", value)
    return escape(value)
