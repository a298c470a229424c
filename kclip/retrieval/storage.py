"""The files of an index: three that only grow, and a small manifest that says how far they count.

An index is a folder:

    index.json       the manifest: what the index is of, and how many rows of the other files count
    codes-G.bin      one row an image, `kclip.retrieval.codes`
    rows-G.bin       one row an image, of the dtype `ROW`
    names-G.bin      the images' names, one behind the other
    removed-V.npy    rows whose images are gone, in ascending order
    left_out-V.json  files that hold no readable image, with the reason
    lists-G-N.faiss  what approximate search has made of the first N rows
    lock             held by the process that writes

Rows are appended first and counted afterwards, by a manifest that takes the old one's place in one
step. So whoever opens the index finds it as it was after some batch, whenever a writer is killed.
Where many rows are gone, all others are written anew as generation G + 1.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from kclip.config.parsing import from_json, to_json
from kclip.config.ranges import Range
from kclip.errors import UserError
from kclip.files import replaced_when_done
from kclip.reading import in_one_sentence
from kclip.retrieval.codes import CodeName, code_dtype

MANIFEST = "index.json"
_Number = Annotated[int, Range(0, 2**60)]
# name_end   where the image's name ends among the names; it begins where the one before ends
# container  which of the manifest's containers holds the image
# offset, size, mtime_ns  as in `ImagePlace`
# content    digest of the encoded image
# width, height  in pixels, as the image is stored
ROW = np.dtype(
    [
        ("name_end", "<u8"),
        ("container", "<u4"),
        ("offset", "<i8"),
        ("size", "<u8"),
        ("mtime_ns", "<i8"),
        ("content", "S16"),
        ("width", "<u4"),
        ("height", "<u4"),
    ]
)


@dataclass(frozen=True)
class Manifest:
    """What an index is of, and what of its files counts.

    Attributes:
        model: what the images were embedded with, as the user named it.
        model_digest: of its weights and preprocessing, `Embedder.digest`.
        codes: how embeddings are stored, "int16" or "int8".
        width: D.
        sources: absolute paths of what the images were taken from.
        containers: absolute paths of the folders and archives that hold images.
        generation: G of the files' names.
        version: V, higher with each file of that kind.
        num_rows: that count, those of removed images included.
        names_end: bytes of names that count.
        num_removed: rows whose images are gone.
        removed: version of the file of these; None for no file.
        num_left_out: files that hold no readable image.
        left_out: version of the file of these; None for no file.
        complete: whether the last update came to its end.
        format: of the files.
    """

    model: str
    model_digest: str
    codes: CodeName
    width: Annotated[int, Range(0, 65_536)]
    sources: tuple[str, ...]
    containers: tuple[str, ...] = ()
    generation: _Number = 1
    version: _Number = 0
    num_rows: _Number = 0
    names_end: _Number = 0
    num_removed: _Number = 0
    removed: _Number | None = None
    num_left_out: _Number = 0
    left_out: _Number | None = None
    complete: bool = False
    format: Literal[3] = 3

    @property
    def row_types(self) -> dict[str, np.dtype]:
        """File, without its suffix -> dtype of its rows."""
        codes = code_dtype(self.codes, self.width)
        return {f"codes-{self.generation}": codes, f"rows-{self.generation}": ROW}


def read_manifest(folder: Path) -> Manifest:
    """Reads what an index is of.

    Raises:
        UserError: there is no index in the folder, or one of another version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(
            f"{folder} holds no index ({MANIFEST} is missing); make one with index_images"
        )
    try:
        about = from_json(Manifest, path)
        if about.num_removed > about.num_rows or (about.num_rows and not about.width):
            raise UserError("its numbers do not fit")
        return about
    except UserError:
        raise UserError(
            f"{path} is not of an index of this kclip; delete {folder} and make it again with "
            "index_images"
        ) from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Puts a manifest in the place of the one before, in one step."""
    with replaced_when_done(folder / MANIFEST, durable=True) as temporary:
        temporary.write_text(to_json(manifest), encoding="utf-8")


def append(path: Path, position: int, data: bytes) -> None:
    """Writes bytes at a position, where a file ends or a writer that was killed has left some."""
    with open(path, "r+b" if path.exists() else "w+b") as file:
        file.seek(position)
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def open_rows(folder: Path, name: str, dtype: np.dtype, num_rows: int) -> np.ndarray:
    """Memory-maps the rows of a file that count; raises `UserError` where the file is shorter."""
    if num_rows == 0:
        return np.empty(0, dtype)
    path = folder / f"{name}.bin"
    if path.stat().st_size < num_rows * dtype.itemsize:
        raise damaged(path)
    return np.memmap(path, dtype, mode="r", shape=(num_rows,))


def open_codes(folder: Path, manifest: Manifest) -> np.ndarray:
    """Memory-maps the codes that count; see `open_rows`."""
    name, dtype = next(iter(manifest.row_types.items()))
    return open_rows(folder, name, dtype, manifest.num_rows)


def open_removed(folder: Path, manifest: Manifest) -> np.ndarray:
    """Memory-maps the rows whose images are gone: (R,) int64 in ascending order."""
    if manifest.removed is None:
        return np.empty(0, np.int64)
    path = folder / f"removed-{manifest.removed}.npy"
    path.stat()  # whoever opens an index waits for a missing file, but not for a damaged one
    with in_one_sentence(str(path), f"delete {folder} and make it again"):
        rows = np.load(path, mmap_mode="r")
    if rows.dtype != np.int64 or rows.shape != (manifest.num_removed,):
        raise damaged(path)
    return rows


def read_left_out(folder: Path, manifest: Manifest) -> list[tuple[str, str]]:
    """Paths of files that hold no readable image, and the reasons."""
    if manifest.left_out is None:
        return []
    path = folder / f"left_out-{manifest.left_out}.json"
    try:
        return [(path, reason) for path, reason in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, RecursionError):
        raise damaged(path) from None


def damaged(path: Path) -> UserError:
    """What to do about a file of an index that is not as it was written."""
    return UserError(f"{path} is damaged or cut off; delete {path.parent} and make it again")


def delete_leftovers(folder: Path, manifest: Manifest) -> None:
    """Deletes files of earlier generations and versions, and those of writers that were killed."""
    current = {
        *(f"{name}.bin" for name in manifest.row_types),
        f"names-{manifest.generation}.bin",
        f"removed-{manifest.removed}.npy",
        f"left_out-{manifest.left_out}.json",
        *(path.name for path in folder.glob(f"lists-{manifest.generation}-*.faiss")),
    }
    for kind in ("codes", "rows", "names", "removed", "left_out", "lists", "index"):
        for path in [*folder.glob(f"{kind}-*"), *folder.glob(f".{kind}*")]:
            if path.name not in current:
                path.unlink(missing_ok=True)
