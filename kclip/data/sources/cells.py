"""What the cell of a table holds: one text, several, or nothing."""

import ast
import json
import re
from collections.abc import Iterable

from kclip.errors import UserError

# What pandas and databases write for "no value"; none of them is a caption of an image.
_MISSING = frozenset(("nan", "NaN", "NAN", "null", "NULL", "None", "<NA>", "N/A", "#N/A"))
LABEL_SEPARATORS = {"semicolon": ";", "comma": ",", "pipe": "|", "space": " ", "none": ""}
_STRING = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
# A list as Python, JSON or NumPy (which writes no commas) print it.
_LIST = re.compile(rf"[\[({{]\s*(?:{_STRING}\s*,?\s*)*[\])}}]", re.DOTALL)


def is_missing(cell: str) -> bool:
    """Whether a cell is empty or says in words that there is no value.

    Example:
        >>> [is_missing(cell) for cell in ("", "NaN", "NULL", "a nan bread")]
        [True, True, True, False]
    """
    return not cell or cell in _MISSING


def listed_texts(cell: str) -> list[str] | None:
    r"""The texts of a cell that is a list, or None where it is no list.

    Example:
        >>> listed_texts("['a cat', \"a dog\"]"), listed_texts("[a cat]"), listed_texts("a cat")
        (['a cat', 'a dog'], None, None)
    """
    if not _LIST.fullmatch(cell):
        return None
    try:
        found = json.loads(cell)
        if isinstance(found, list):
            return [str(item).strip() for item in found]
    except json.JSONDecodeError:
        pass
    # One by one: Python would join two strings that have no comma between them.
    strings = re.findall(_STRING, cell, re.DOTALL)
    return [str(ast.literal_eval(string)).strip() for string in strings]


def split_labels(cell: str, separator: str | None) -> tuple[str, ...]:
    """The labels of a cell, each once.

    Args:
        cell: a list, such as `['cat', 'dog']` or `[cat, dog]`, or labels that are joined.
        separator: what joins them; " " for any white space, None or "" where the cell is one.

    Example:
        >>> split_labels("cat; red ball;cat", ";"), split_labels("['a', 'b']", None)
        (('cat', 'red ball'), ('a', 'b'))
    """
    names = listed_texts(cell)
    if names is None and cell.startswith("[") and cell.endswith("]"):
        names = [name.strip(" '\"") for name in cell[1:-1].split(",")]
    if names is None:
        parts = [cell] if not separator else cell.split(None if separator == " " else separator)
        names = [part.strip() for part in parts]
    return tuple(dict.fromkeys(name for name in names if name))


def label_separator(cells: Iterable[str], column: str, chosen: str | None, where: str) -> str:
    """Says what joins the labels in the cells of a column.

    Args:
        cells: all cells of the column.
        column: its name: `tags` are words joined by spaces where nothing else joins them; a column
            `label` holds one label a row.
        chosen: the user's `--label-separator`, or None.
        where: the file, for messages.

    Returns:
        One of `;`, `,`, `|`, a space, and "" where a cell is one label.

    Raises:
        UserError: the cells can be read in two ways, or `chosen` is none of those.
    """
    if chosen is not None:
        found = LABEL_SEPARATORS.get(chosen.lower(), chosen)
        if found not in LABEL_SEPARATORS.values():
            raise UserError(
                f"--label-separator is {chosen!r}; expected one of {', '.join(LABEL_SEPARATORS)}."
            )
        return found
    joined = [c for c in cells if not (c.startswith("[") and c.endswith("]"))]
    seen = [mark for mark in ";,|" if any(mark in cell for cell in joined)]
    is_single = column.casefold() == "label"
    if len(seen) > 1 or (seen and is_single):
        example = next(cell for cell in joined if any(mark in cell for mark in seen))
        raise UserError(
            f"the labels in {where}, such as {example!r}, can be one or several; say what joins "
            "them by --label-separator (comma, semicolon, pipe, space), or none."
        )
    return seen[0] if seen else (" " if column.casefold() == "tags" else "")
