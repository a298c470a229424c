"""Appends rows to an index, and makes them count."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kclip.data.collections.collecting import Faults
from kclip.data.collections.place import ImagePlace
from kclip.files import replaced_when_done, write_metrics
from kclip.retrieval.index import ImageIndex
from kclip.retrieval.storage import ROW, Manifest, append, open_codes, write_manifest

_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class NewRow:
    """What is known of an image besides its embedding; see `kclip.retrieval.storage.ROW`."""

    place: ImagePlace
    content: bytes
    width: int
    height: int


CodedRow = tuple[NewRow, np.void]  # and its row of codes


class IndexWriter:
    """Writes the files of an index: first what they hold, then what of it counts.

    Args:
        folder: of the index.
        about: what counts now.
        removed: rows whose images are gone.

    Attributes:
        about: what counts now.
        removed: rows that shall count as removed with the next commit.
    """

    def __init__(self, folder: Path, about: Manifest, removed: np.ndarray):
        self._folder = folder
        self.about = about
        self.removed = set(removed.tolist())
        self._codes = open_codes(folder, about)

    def code(self, row: int) -> np.void:
        """The code of a row that counts."""
        return self._codes[row]

    def commit(self, rows: Sequence[CodedRow]) -> None:
        """Adds rows, and takes away those that are `removed`."""
        about = self.about
        if not rows and len(self.removed) == about.num_removed:
            return
        if rows:
            if not about.width:
                about = replace(about, width=len(rows[0][1]["numbers"]))
            about = appended(self._folder, about, *zip(*rows, strict=True))
        self._write(about)
        self._codes = open_codes(self._folder, about)

    def finish(self, left_out: Faults) -> None:
        """Notes that the sources have been gone through, and what of them can't be used."""
        about = replace(self.about, num_left_out=len(left_out), left_out=None, complete=True)
        if left_out:
            about = replace(about, version=about.version + 1, left_out=about.version + 1)
            write_metrics(self._folder / f"left_out-{about.left_out}.json", left_out)  # type: ignore[arg-type]
        self._write(about)

    def _with_removed(self, about: Manifest) -> Manifest:
        version = about.version + 1
        with replaced_when_done(self._folder / f"removed-{version}.npy", durable=True) as temporary:
            np.save(temporary, np.array(sorted(self.removed), np.int64))
        return replace(about, version=version, removed=version, num_removed=len(self.removed))

    def _write(self, about: Manifest) -> None:
        if len(self.removed) != about.num_removed:
            about = self._with_removed(about)
        write_manifest(self._folder, about)
        self.about = about


def appended(
    folder: Path, about: Manifest, rows: Sequence[NewRow], codes: Sequence[np.void]
) -> Manifest:
    """Writes rows behind those that count; the manifest that is returned counts them, too."""
    containers = {container: number for number, container in enumerate(about.containers)}
    table, names = np.zeros(len(rows), ROW), []
    names_end = about.names_end
    for row, new in zip(table, rows, strict=True):
        place = new.place
        names.append(place.name.encode("utf-8", "surrogateescape"))
        names_end += len(names[-1])
        container = containers.setdefault(place.container, len(containers))
        row["name_end"], row["container"], row["content"] = names_end, container, new.content
        row["offset"], row["size"], row["mtime_ns"] = place.offset, place.size, place.mtime_ns
        row["width"], row["height"] = new.width, new.height
    (codes_file, code_type), (rows_file, _) = about.row_types.items()
    for name, position, data in (
        (codes_file, about.num_rows * code_type.itemsize, np.array([*codes], code_type).tobytes()),
        (rows_file, about.num_rows * ROW.itemsize, table.tobytes()),
        (f"names-{about.generation}", about.names_end, b"".join(names)),
    ):
        append(folder / f"{name}.bin", position, data)
    counted = {"num_rows": about.num_rows + len(rows), "names_end": names_end}
    return replace(about, containers=tuple(containers), complete=False, **counted)


def compacted(index: ImageIndex) -> Manifest:
    """Writes an index anew without its removed rows, in the order of the paths."""
    places = sorted(index.places(), key=lambda found: (found[1].path, found[1].offset))
    before = index.about
    fresh = {"num_rows": 0, "names_end": 0, "num_removed": 0, "removed": None, "containers": ()}
    about = replace(before, generation=before.generation + 1, **fresh)
    for start in range(0, len(places), _ROWS_AT_ONCE):
        part = places[start : start + _ROWS_AT_ONCE]
        known = index.table[[row for row, _ in part]]
        rows = [
            NewRow(place, row["content"], int(row["width"]), int(row["height"]))
            for (_, place), row in zip(part, known, strict=True)
        ]
        about = appended(index.folder, about, rows, index.codes[[row for row, _ in part]])  # type: ignore[arg-type]
    about = replace(about, complete=True)
    write_manifest(index.folder, about)
    return about
