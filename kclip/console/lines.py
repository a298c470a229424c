"""Lines that say what kclip is doing: Python's logging, with one logger that settles them all.

Its level is what `--quiet` and `--verbose` set; in a program of one's own,
`logging.getLogger("kclip").setLevel("WARNING")` turns off progress bars and information.
"""

import logging
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

LOGGER = logging.getLogger("kclip")


def is_quiet() -> bool:
    """Whether neither progress bars nor information are wanted."""
    return LOGGER.level > logging.INFO


def one_line(value: Any) -> str:
    r"""Turns a name into one line of a terminal, whatever bytes and control characters it has.

    Example:
        >>> print(one_line("new\nline.png"))
        new\nline.png
    """
    text = str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) == "Cc" else char
        for char in text
    )


def few_lines(text: str) -> str:
    r"""A text of one or several lines whose names can do nothing to a terminal.

    Example:
        >>> print(few_lines("red\x1b[31m.png\nblue.png"))
        red\x1b[31m.png
        blue.png
    """
    return "\n".join(map(one_line, text.split("\n")))


@contextmanager
def shown_lines(level: int) -> Iterator[None]:
    """Shows the lines of a command on stderr, above its progress bars.

    Args:
        level: of `logging`; what is less important is not shown.

    Example:
        >>> with shown_lines(logging.WARNING):
        ...     is_quiet()
        True
    """
    before = (LOGGER.level, LOGGER.propagate)
    handler = _StderrLines()
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(level)
    LOGGER.propagate = False  # the root's handlers, such as absl's, would show each line again
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before[0])
        LOGGER.propagate = before[1]


class _StderrLines(logging.Handler):
    """Writes through tqdm, which draws an open bar anew below the line."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(few_lines(self.format(record)), file=sys.stderr)
