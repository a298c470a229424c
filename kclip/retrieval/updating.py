"""Brings an index up to date: what is new or changed is embedded, and nothing else."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import filelock
import numpy as np

from kclip.console.progress import ProgressBar
from kclip.data.collections.collecting import Collection, Faults, collect
from kclip.data.collections.place import ImagePlace
from kclip.data.images.faults import image_fault, warn_left_out
from kclip.data.images.opening import ImageError, header_size
from kclip.errors import UserError
from kclip.retrieval.codes import CodeName, encode
from kclip.retrieval.index import ImageIndex
from kclip.retrieval.storage import MANIFEST, Manifest, delete_leftovers, read_manifest
from kclip.retrieval.writing import CodedRow, IndexWriter, NewRow, compacted

BATCH = 256  # images between two states that a killed build goes on from
_MANY_MOVED = 16_384
_MAX_REMOVED = 0.5  # fraction of rows; beyond, the index is written anew without them


class IndexEmbedder(Protocol):
    """What an index takes of a model; `kclip.Embedder` has it."""

    @property
    def digest(self) -> str:
        """Hex digest of all that embeddings depend on."""
        ...

    def embed_images(
        self, images: Sequence[Path | bytes], batch_size: int = 64, progress: bool = True
    ) -> np.ndarray:
        """Embeds N images: float32 (N, D); raises `ImageError` where one cannot be read."""
        ...


def update_index(
    folder: Path,
    embedder: IndexEmbedder,
    sources: Sequence[str | Path],
    codes: CodeName,
    model: str,
) -> None:
    """Makes an index or brings it up to date; see `ImageIndex.build`."""
    found = collect(sources)
    model = os.path.abspath(model) if os.path.exists(model) else model
    with index_lock(folder):
        absolute = tuple(os.path.abspath(source) for source in sources)
        about = _begun(folder, Manifest(model, embedder.digest, codes, 0, absolute))
        delete_leftovers(folder, about)
        _Update(folder, about, embedder).run(found)


@contextmanager
def index_lock(folder: Path) -> Iterator[None]:
    """Lets one process write at a time.

    Raises:
        UserError: another one writes, or the folder holds other files or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; give a folder for the index")
    others = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if others and not {MANIFEST, "lock"} & set(others):
        raise UserError(
            f"{folder} holds other files (such as {others[0]}); give a new or empty folder for the "
            "index"
        )
    lock = filelock.FileLock(folder / "lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise UserError(f"another process writes the index {folder}; let it end") from None
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


def _begun(folder: Path, wanted: Manifest) -> Manifest:
    """The manifest that is there, made sure to be of what is wanted; else the wanted one."""
    if not (folder / MANIFEST).exists():
        return wanted
    there = read_manifest(folder)
    if there.model_digest != wanted.model_digest:
        raise UserError(
            f"{folder} is the index of another model ({there.model or there.model_digest[:12]}); "
            "give another folder, or delete this one"
        )
    if there.codes != wanted.codes:
        raise UserError(
            f"{folder} holds {there.codes} codes, but {wanted.codes} was asked for; give another "
            "folder, or delete this one"
        )
    return replace(there, sources=wanted.sources, model=wanted.model or there.model)


@dataclass(frozen=True)
class _Task:
    """An image to add, and the row that it takes the place of."""

    place: ImagePlace
    old: int | None


class _Update:
    def __init__(self, folder: Path, about: Manifest, embedder: IndexEmbedder):
        self._index = ImageIndex(folder, about)
        self._writer = IndexWriter(folder, about, self._index.removed)
        self._embedder = embedder
        # Removed rows too: an image that was moved is known by its content.
        contents = self._index.table["content"].tolist()
        self._row_of = {content: row for row, content in enumerate(contents)}
        self._uncommitted: list[CodedRow] = []
        self._left_out: Faults = []

    def run(self, found: Collection) -> None:
        """Removes what is gone, adds what is new, batch by batch, and tells what is left out."""
        tasks, gone = self._compare(found.places)
        self._left_out += found.left_out
        self._writer.removed.update(gone)
        with ProgressBar(total=len(tasks), unit="img", desc="Indexing images") as bar:
            for start in range(0, len(tasks), BATCH):
                batch = tasks[start : start + BATCH]
                self._add(batch)
                bar.update(len(batch))
        self._commit()
        self._finish(len(found.places))

    def _compare(self, places: Sequence[ImagePlace]) -> tuple[list[_Task], list[int]]:
        """What is to be added, and the rows of images that are gone."""
        known = {(p.path, p.offset): (row, p) for row, p in self._index.places()}
        tasks = []
        for place in places:
            row, before = known.pop((place.path, place.offset), (None, None))
            if place != before:
                tasks.append(_Task(place, row))
        return tasks, [row for row, _ in known.values()]

    def _add(self, batch: Sequence[_Task]) -> None:
        rows = [row for row in map(self._opened, batch) if row]
        codes = self._new_codes(rows)
        for row in rows:
            if row.content in codes:
                self._uncommitted.append((row, codes[row.content]))
            elif row.content in self._row_of:
                self._uncommitted.append((row, self._writer.code(self._row_of[row.content])))
        self._writer.removed.update(task.old for task in batch if task.old is not None)
        # What was only moved is soon found again: it waits for embeddings, or for many more.
        if codes or len(self._uncommitted) >= _MANY_MOVED:
            self._commit()

    def _commit(self) -> None:
        first = self._writer.about.num_rows
        self._writer.commit(self._uncommitted)
        contents = (row.content for row, _ in self._uncommitted)
        self._row_of |= {content: first + number for number, content in enumerate(contents)}
        self._uncommitted = []

    def _opened(self, task: _Task) -> NewRow | None:
        try:
            data = task.place.read()
            # Without the zeros at its end, which NumPy takes away from its texts.
            content = hashlib.blake2b(data, digest_size=16).digest().rstrip(b"\0")
            return NewRow(task.place, content, *header_size(data))
        except ImageError as error:
            self._left_out.append((task.place.path, error.reason))
            return None

    def _new_codes(self, rows: Sequence[NewRow]) -> dict[bytes, np.void]:
        """Codes of the images that the index has never had, by their contents."""
        images = {row.content: row.place for row in rows if row.content not in self._row_of}
        while images:
            sources = [place.source for place in images.values()]
            try:
                embeddings = self._embedder.embed_images(sources, progress=False)
                codes = encode(embeddings, self._writer.about.codes)
                return dict(zip(images, codes, strict=True))
            except ImageError:
                # Only now is every image decoded twice: most batches are sound.
                faults = map(image_fault, sources)
                for (content, place), reason in zip(list(images.items()), faults, strict=True):
                    if reason:
                        self._left_out.append((place.path, reason))
                        del images[content]
        return {}

    def _finish(self, num_places: int) -> None:
        warn_left_out([(os.path.relpath(path), reason) for path, reason in self._left_out])
        if self._writer.about.num_rows == len(self._writer.removed):
            path, reason = self._left_out[0]
            raise UserError(
                f"none of the {num_places} images can be used (the first: {path}: {reason})"
            )
        self._writer.finish(self._left_out)
        about = self._writer.about
        if about.num_removed > _MAX_REMOVED * about.num_rows:
            about = compacted(ImageIndex(self._index.folder, about))
        delete_leftovers(self._index.folder, about)
