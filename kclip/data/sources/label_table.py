"""Reads tables of labels: joined in one cell, one a row, or a column for each class."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kclip.data.image_record import UNKNOWN, Rejection
from kclip.data.sources.cells import is_missing, label_separator, split_labels
from kclip.data.sources.image_files import tidy_name
from kclip.data.sources.reading_options import DEFAULTS, ReadingOptions
from kclip.data.sources.tables import (
    IMAGE_NAMES,
    LABEL_NAMES,
    Table,
    line_name,
    read_table,
)
from kclip.data.sources.text_files import quoted
from kclip.errors import UserError

_TRUTHS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


@dataclass(frozen=True)
class LabelTable:
    """What a table says of its images.

    Attributes:
        labels: image name -> labels, perhaps none, in the order of the table.
        rejections: rows that were left out.
        notes: sentences on columns that were left aside.
    """

    labels: dict[str, tuple[str, ...]]
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...] = ()


def read_label_table(path: Path, options: ReadingOptions = DEFAULTS) -> LabelTable:
    """Reads image name -> labels.

    Args:
        path: a CSV in one of three forms, told apart by its header: with a column `labels`, `tags`
            or `label`, whose cells hold names that are joined, a list of them, or one; or else one
            whose first column names the image and every other one a class, in cells of 0 and 1,
            1.0 and 0.0, or True and False. Several rows of one image add up.
        options: of the table.

    Raises:
        UserError: the file can't be read, its header is none of these, a cell is none of these, or
            what joins labels is unclear.
    """
    table = read_table(path, options)
    column = table.find(LABEL_NAMES, options.labels_column, "--labels-column")
    if column is None:
        return _from_class_columns(table, options)
    image = _image_column(table, options)
    cells = [row[column] for _, row in table.rows]
    name = table.columns[column]
    if name.casefold() == "label" and not options.labels_column and set(cells) <= _TRUTHS.keys():
        raise UserError(
            f"the column {name!r} of {path} holds {quoted(sorted(set(cells)))} alone; give "
            "--labels-column label if these are names of classes, else call the column as the "
            "class is called."
        )
    separator = label_separator(cells, name, options.label_separator, str(path))
    found = [(line, row[image], split_labels(row[column], separator)) for line, row in table.rows]
    missing = {line for line, row in table.rows if row[column] and is_missing(row[column])}
    gathered = _gathered(table, found, missing)
    return replace(gathered, notes=table.left_aside(image, column))


def _gathered(
    table: Table, rows: list[tuple[int, str, tuple[str, ...]]], missing: set[int]
) -> LabelTable:
    labels: dict[str, tuple[str, ...]] = {}
    rejections = list(table.rejections)
    for line, image, names in rows:
        if not image:
            rejections.append(Rejection(line_name(table, line), "no file name"))
        elif line in missing:
            reason = f"no labels: the cell says {names[0]!r}"
            rejections.append(Rejection(line_name(table, line), reason))
        elif UNKNOWN in names:
            raise UserError(
                f"{table.path} line {line} has the label {UNKNOWN!r}, by which records say that "
                "nothing is known; rename the class."
            )
        else:
            key = tidy_name(image)
            labels[key] = tuple(dict.fromkeys((*labels.get(key, ()), *names)))
    return LabelTable(labels, tuple(rejections))


def _image_column(table: Table, options: ReadingOptions) -> int:
    column = table.find(IMAGE_NAMES, options.image_column, "--image-column")
    if column is None:
        raise UserError(
            f"{table.path} has the columns {quoted(table.columns)}; expected 'image', or the one "
            "with the images' names as --image-column."
        )
    return column


def _from_class_columns(table: Table, options: ReadingOptions) -> LabelTable:
    first = _class_start(table, options)
    class_names = table.columns[first:]
    rows = [
        (line, row[first - 1], _shown(table, line, class_names, row[first:]))
        for line, row in table.rows
    ]
    return _gathered(table, rows, set())


def _class_start(table: Table, options: ReadingOptions) -> int:
    """The first column of a class, which follows that of the image."""
    columns = table.columns
    start = 1 if columns and not columns[0] else 0  # the row numbers that pandas writes
    image = table.find(IMAGE_NAMES, options.image_column, "--image-column")
    if len(columns) < start + 2 or image != start:
        raise UserError(
            f"{table.path} has the columns {quoted(columns)}; expected "
            "'image', 'labels' or 'image', 'tags', or 'image' (or 'filename') first and then one "
            "column of 0 and 1 for each class; --image-column and --labels-column name others."
        )
    if "" in columns[start:]:
        raise UserError(
            f"{table.path} has a column without a name; expected one name for each class in its "
            "first line."
        )
    return start + 1


def _shown(
    table: Table, line: int, class_names: Sequence[str], cells: Sequence[str]
) -> tuple[str, ...]:
    shown = []
    for name, cell in zip(class_names, cells, strict=True):
        truth = _TRUTHS.get(cell.lower())
        if truth is None:
            raise UserError(
                f"{table.path} line {line} has {cell!r} in the column {name!r}; expected 0 or 1 "
                "(or True and False), since its header names neither labels nor tags; if it holds "
                "the labels, give it as --labels-column."
            )
        shown += [name] * truth
    return tuple(shown)
