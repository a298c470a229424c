"""How the tables and JSON files that a user brings are read; commands have these as flags."""

from dataclasses import dataclass, fields
from typing import Any, Literal, Self


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """How any table is read."""

    separator: str | None = None
    """What stands between the cells of a CSV: comma, semicolon, tab or pipe; by default the one
    that its first line shows."""
    encoding: str | None = None
    """Encoding of a CSV, such as latin-1; by default UTF-8, or what its byte-order mark says."""
    image_column: str | None = None
    """Column of a CSV with the images' names; by default image, filename, file_name or
    image_name, in any case."""
    allow_outside: bool = False
    """Take images outside of the images' folder, too, where a table names such paths."""


@dataclass(frozen=True, kw_only=True)
class CaptionTableOptions(TableOptions):
    """How tables of captions are read."""

    caption_column: str | None = None
    """Column of a CSV with the captions; by default caption, captions, comment or text."""


@dataclass(frozen=True, kw_only=True)
class LabelTableOptions(TableOptions):
    """How tables of labels are read."""

    labels_column: str | None = None
    """Column of a CSV with the labels; by default labels, tags or label."""
    label_separator: str | None = None
    """What joins several labels in one cell: comma, semicolon, pipe, space, or none where each
    cell is one label; by default the one that the cells show."""
    similar_names: Literal["refuse", "merge", "keep"] = "refuse"
    """What to do with names of classes that differ in capitals or spaces alone, such as Dog and
    dog: refuse them, merge them under the commonest spelling, or keep them as classes of their
    own."""


@dataclass(frozen=True, kw_only=True)
class ReadingOptions(CaptionTableOptions, LabelTableOptions):
    """How tables of captions and labels are read."""

    @classmethod
    def of(cls, command: Any) -> Self:
        """The options that a command has as flags, the others by default."""
        names = [field.name for field in fields(cls) if hasattr(command, field.name)]
        return cls(**{name: getattr(command, name) for name in names})


DEFAULTS = ReadingOptions()
