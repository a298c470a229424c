"""Files of known data sets in the layouts in which they are published."""

from collections.abc import Sequence
from pathlib import Path

from kclip.data.image_record import ImageRecord
from kclip.errors import UserError


def first_existing(candidates: Sequence[Path], guide: str) -> Path:
    """Returns the first path that exists.

    Args:
        candidates: where a file or folder of the data set may lie, the usual place first.
        guide: where to get the data set and how to lay it out.

    Raises:
        UserError: none does.
    """
    for path in candidates:
        if path.exists():
            return path
    raise UserError(f"{candidates[0]} is missing. {guide}")


def image_record(
    file_name: str, image: Path | bytes, label: str, split: str = "test"
) -> ImageRecord:
    """A record of one class, known by its file name."""
    return ImageRecord(file_name, file_name, image, (), (label,), split)


def read_rows(path: Path, num_columns: int, separator: str | None = None) -> list[list[str]]:
    """Reads a table without header: the first columns of each line; blank and # lines are skipped.

    Raises:
        UserError: the file can't be read, or a line has fewer columns.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read as text: {error}.") from None
    rows = []
    for number, line in enumerate(lines, 1):
        cells = line.split(separator)
        if not line.strip() or line.startswith("#"):
            continue
        if len(cells) < num_columns:
            raise UserError(
                f"{path} line {number} is {line!r}; expected {num_columns} columns, "
                "as in the data set's own file."
            )
        rows.append(cells[:num_columns])
    return rows
