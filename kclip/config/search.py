"""Which images of an index a search may find."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from kclip.config.ranges import Form, Range

_DAY = Form(r"\d{4}-\d{2}-\d{2}", "a day as YYYY-MM-DD")


@dataclass(frozen=True, kw_only=True)
class SearchFilters:
    """Flags that narrow a search; several together must all be met."""

    below: Path | None = None
    """Only images in this folder and its sub-folders, or in this tar or file of records."""
    after: Annotated[str, _DAY] | None = None
    """Only files that were changed on this day (YYYY-MM-DD) or later."""
    before: Annotated[str, _DAY] | None = None
    """Only files that were changed before this day (YYYY-MM-DD)."""
    min_side: Annotated[int, Range(1)] | None = None
    """Only images whose shorter side has at least so many pixels."""
    table: Path | None = None
    """A CSV about the images, for --where: a column image (or filename, file_name, image_name)
    holds their names or paths, and others what is known of them, such as labels."""
    where: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """COLUMN=VALUE of --table, such as labels=dog: only images in whose row the column is the
    value, or a list with it. May be given several times."""
