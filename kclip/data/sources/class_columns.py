"""Reads a CSV with one column of 0 and 1 for each class."""

from collections import Counter
from pathlib import Path
from posixpath import normpath

from kclip.data.sources.tables import csv_columns, read_csv
from kclip.errors import UserError

IMAGE_COLUMNS = ("image", "filename")


def read_class_columns(path: Path) -> dict[str, tuple[str, ...]]:
    """Reads image name -> the classes whose columns hold 1, in the order of the columns.

    Args:
        path: CSV whose first column is `image` or `filename`; the header names the classes in the
            others, such as `image,cat,dog`. An image that has several rows has the classes of all
            of them. Rows without an image's name are of no image and left aside.

    Raises:
        UserError: the file can't be read, its header is of another form, or a cell is neither 0
            nor 1.
    """
    image_column, *class_names = _header(path)
    labels: dict[str, tuple[str, ...]] = {}
    for line, (image, *cells) in read_csv(path, (image_column, *class_names)):
        if image:
            found = _positive(path, line, class_names, cells)
            labels[normpath(image)] = tuple(
                dict.fromkeys((*labels.get(normpath(image), ()), *found))
            )
    return labels


def _header(path: Path) -> list[str]:
    columns = csv_columns(path)
    if len(columns) < 2 or columns[0] not in IMAGE_COLUMNS:
        raise UserError(
            f"{path} has the columns {', '.join(map(repr, columns)) or 'nothing'}; expected "
            "'image', 'labels' or 'image', 'tags', or 'image' (or 'filename') first and then one "
            "column of 0 and 1 for each class."
        )
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice or "" in columns:
        raise UserError(
            f"{path} has {f'two columns {twice[0]!r}' if twice else 'a column without a name'}; "
            "expected one name for each class in its first line."
        )
    return columns


def _positive(path: Path, line: int, class_names: list[str], cells: list[str]) -> list[str]:
    for name, cell in zip(class_names, cells, strict=True):
        if cell not in ("0", "1"):
            raise UserError(
                f"{path} line {line} has {cell!r} in the column {name!r}; expected 0 or 1, since "
                "its header names neither labels nor tags."
            )
    return [name for name, cell in zip(class_names, cells, strict=True) if cell == "1"]
