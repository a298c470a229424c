"""Which rows of an index may be found: by folder, day, size, or what a table says of them."""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np

from kclip.config.search import SearchFilters
from kclip.console.lines import LOGGER, one_line
from kclip.data.sources.cells import listed_texts
from kclip.data.sources.tables import IMAGE_NAMES, read_table
from kclip.data.sources.text_files import quoted
from kclip.errors import UserError
from kclip.retrieval.index import ImageIndex


def allowed_rows(index: ImageIndex, filters: SearchFilters) -> np.ndarray | None:
    """Says which rows of an index meet all filters.

    Days and sizes are looked up in a column of the index; folders and tables go over its names,
    which takes about 2 s for a million images.

    Args:
        index: of images.
        filters: what they must be.

    Returns:
        (R,) bool for `ImageIndex.search`; None where nothing is asked for.

    Raises:
        UserError: a day does not exist, the table can't be read or lacks a column, or a name in it
            is that of several images.
    """
    masks = list(_masks(index, filters))
    return np.logical_and.reduce(masks) if masks else None


def _masks(index: ImageIndex, filters: SearchFilters) -> Iterator[np.ndarray]:
    if filters.after:
        yield index.table["mtime_ns"] >= _nanoseconds("--after", filters.after)
    if filters.before:
        yield index.table["mtime_ns"] < _nanoseconds("--before", filters.before)
    if filters.min_side:
        sides = np.minimum(index.table["width"], index.table["height"])
        yield sides >= filters.min_side
    if filters.below:
        folder = os.path.abspath(filters.below)
        inside = (row for row, place in index.places() if _is_below(place.path, folder))
        yield _only(index, inside)
    if filters.where and not filters.table:
        raise UserError("--where asks a column of a table; give the table as --table, a CSV")
    if filters.table:
        yield _only(index, _rows_of_table(index, filters.table, filters.where))


def _only(index: ImageIndex, rows: Iterator[int]) -> np.ndarray:
    mask = np.zeros(index.about.num_rows, bool)
    mask[list(rows)] = True
    return mask


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def _nanoseconds(flag: str, day: str) -> int:
    try:
        return int(datetime.fromisoformat(day).timestamp()) * 10**9
    except ValueError:
        raise UserError(f"{flag} is {day!r}, a day that does not exist") from None


def _rows_of_table(index: ImageIndex, path: Path, where: tuple[str, ...]) -> Iterator[int]:
    """The rows whose images a table names, in lines that meet all conditions."""
    table = read_table(path)
    images = table.find(IMAGE_NAMES, None, "a header image")
    if images is None:
        raise UserError(
            f"{path} has no column of images; it has {quoted(table.columns)}, expected image, "
            "filename, file_name or image_name"
        )
    conditions = [_condition(path, table.columns, text) for text in where]
    wanted = {
        cells[images].replace("\\", "/").removeprefix("./")
        for _, cells in table.rows
        if all(_holds(cells[column], value) for column, value in conditions)
    }
    found: dict[str, int] = {}
    for row, place in index.places():
        for name in _endings(place.path):
            if name in wanted:
                if name in found:
                    raise UserError(
                        f"{path} names {one_line(name)}, which are {one_line(place.shown)} and "
                        f"{one_line(index.place(found[name]).shown)}; write more of their paths"
                    )
                found[name] = row
    if len(found) < len(wanted):
        missing = next(iter(wanted - found.keys()))
        LOGGER.warning(
            f"{len(wanted) - len(found):,} images of {path} are not in the index, such as "
            f"{one_line(missing)}"
        )
    return iter(found.values())


def _condition(path: Path, columns: tuple[str, ...], text: str) -> tuple[int, str]:
    name, equals, value = text.partition("=")
    if not equals or name.strip() not in columns:
        raise UserError(
            f"--where is {text!r}; give COLUMN=VALUE with a column of {path}: {quoted(columns)}"
        )
    return columns.index(name.strip()), value.strip()


def _holds(cell: str, value: str) -> bool:
    several = listed_texts(cell) or [part.strip() for part in re.split("[;,|]", cell)]
    return value == cell or value in several


def _endings(path: str) -> Iterator[str]:
    """A path, and what is left of it from each folder on: a table may give any of these."""
    while path:
        yield path
        path = path.partition("/")[2]
