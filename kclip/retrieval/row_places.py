"""Where the images of many rows lie, read column by column: a million takes some seconds."""

from collections.abc import Iterator

import numpy as np

from kclip.data.collections.place import ImagePlace
from kclip.errors import UserError
from kclip.retrieval.storage import Manifest

_ROWS_AT_ONCE = 65_536


def row_places(
    table: np.ndarray, names: np.ndarray, about: Manifest, ids: np.ndarray
) -> Iterator[tuple[int, ImagePlace]]:
    """Goes over rows of an index.

    Args:
        table: (R,) of the dtype `kclip.retrieval.storage.ROW`.
        names: uint8, the bytes of all names, one behind the other.
        about: the index, whose containers the table numbers.
        ids: (N,) int64, rows in ascending order.

    Yields:
        Row, and where its image lies.

    Raises:
        UserError: the table is damaged.
    """
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        part = ids[start : start + _ROWS_AT_ONCE]
        rows = table[part]
        if rows["container"].max() >= len(about.containers):
            raise UserError(
                "the index is damaged: it names folders that it does not know; make it again"
            )
        begins = np.where(part > 0, table["name_end"][part - 1], 0)
        # Names lie in the order of the rows: one read for all of them.
        first = int(begins[0])
        text = names[first : int(rows["name_end"][-1])].tobytes()
        holders, sizes, times, offsets = (
            rows[name].tolist() for name in ("container", "size", "mtime_ns", "offset")
        )
        ends = (rows["name_end"] - first).tolist()
        spans = zip((begins - first).tolist(), ends, strict=True)
        stamps = zip(sizes, times, offsets, strict=True)
        for row, span, holder, stamp in zip(part.tolist(), spans, holders, stamps, strict=True):
            name = text[slice(*span)].decode("utf-8", "surrogateescape")
            yield row, ImagePlace(about.containers[int(holder)], name, *stamp)
