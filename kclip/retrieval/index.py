"""An index of images: embeddings on the disk that grow with their folders, opened in no time.

This file reads one and takes NumPy and Pillow alone; `kclip.retrieval.updating` writes it.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kclip.data.collections.place import ImagePlace
from kclip.errors import UserError
from kclip.metrics.similarity import l2_normalize
from kclip.retrieval.codes import CodeName, decode
from kclip.retrieval.exact import nearest_rows
from kclip.retrieval.ordering import ordered_rows
from kclip.retrieval.results import Hit
from kclip.retrieval.row_places import row_places
from kclip.retrieval.storage import (
    Manifest,
    damaged,
    open_removed,
    open_rows,
    read_left_out,
    read_manifest,
)

if TYPE_CHECKING:
    from kclip.retrieval.approximate import ApproximateIndex
    from kclip.retrieval.updating import IndexEmbedder

_MANY_ALLOWED = 0.2  # fraction of the rows
_TRIES = 3  # of opening files that a writer may be replacing


class ImageIndex:
    """The embeddings of a collection of images, in a folder of their own.

    Opening takes the same few milliseconds and megabytes for a thousand images and for ten
    millions: embeddings, names and times are memory-mapped, and no image is looked for.

    An index is as it was when it was opened, also while another process brings it up to date.

    Attributes:
        folder: where the index lies.
        about: its `Manifest`: the model and its digest, D, the kind of codes, the sources.
        removed: rows whose images are gone, ascending int64.

    Example:
        >>> from kclip import Embedder
        >>> embedder = Embedder.from_name("runs/demo/model")
        >>> index = ImageIndex.build("runs/index", embedder, ["photos"])
        >>> len(ImageIndex.open("runs/index"))
        2
        >>> (found,) = index.search(embedder.embed_texts(["a red circle"]), top_k=1)
        >>> found[0].file_name in ("1.jpg", "2.jpg")
        True
    """

    def __init__(self, folder: Path, about: Manifest):
        self.folder = folder
        self.about = about
        self._codes, self._rows = (
            open_rows(folder, name, dtype, about.num_rows)
            for name, dtype in about.row_types.items()
        )
        name_type = np.dtype("u1")
        self._names = open_rows(folder, f"names-{about.generation}", name_type, about.names_end)
        self.removed = open_removed(folder, about)

    @classmethod
    def open(cls, folder: str | Path) -> "ImageIndex":
        """Opens an index; only the model that it names is needed to ask it.

        Raises:
            UserError: there is no index in the folder, or it is damaged.
        """
        folder = Path(folder)
        for left in reversed(range(_TRIES)):
            about = read_manifest(folder)
            try:
                return cls(folder, about)
            except FileNotFoundError as error:  # a writer has just replaced it; or it is damaged
                if not left:
                    raise UserError(
                        f"{error.filename} is missing; delete {folder} and make it again"
                    ) from None
        raise AssertionError

    @classmethod
    def build(
        cls,
        folder: str | Path,
        embedder: "IndexEmbedder",
        sources: Sequence[str | Path],
        codes: CodeName = "int16",
        model: str = "",
    ) -> "ImageIndex":
        """Makes an index, or brings the one that is in the folder up to date.

        Images that are there already, under whatever name, are not embedded again. What can't be
        read is left out, named and kept in `left_out`. A build that is killed goes on where it was.

        Args:
            folder: where the index is kept.
            embedder: the model, such as a `kclip.Embedder`.
            sources: folders of images, folders of TFRecords that `build_tfrecords` wrote, tars
                (webdataset), or text files with one image a line.
            codes: "int16", or "int8" for half the size and a cosine error of about 0.002.
            model: what the model is called where it is loaded again.

        Raises:
            UserError: a source can't be read, the folder holds the index of another model or of
                other codes, or another process writes it.
        """
        from kclip.retrieval.updating import update_index

        update_index(Path(folder), embedder, sources, codes, model)
        return cls.open(folder)

    def update(
        self, embedder: "IndexEmbedder", sources: Sequence[str | Path] | None = None
    ) -> "ImageIndex":
        """Brings the index up to date and returns it as it is then.

        Of N images k of which are new or changed, k are embedded; those that are gone are found no
        more.

        Args:
            embedder: the model that made the index.
            sources: other ones than those that the index was made of.

        Raises:
            UserError: as `build`.
        """
        codes, model = self.about.codes, self.about.model
        return self.build(self.folder, embedder, sources or self.about.sources, codes, model)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return self.about.num_rows - self.about.num_removed

    @property
    def width(self) -> int:
        """D, the width of the embeddings."""
        return self.about.width

    @cached_property
    def left_out(self) -> list[tuple[str, str]]:
        """Paths of files of the sources that hold no readable image, and the reasons."""
        return read_left_out(self.folder, self.about)

    @cached_property
    def kept(self) -> np.ndarray | None:
        """(R,) bool: which of the rows count; None where all do."""
        if not len(self.removed):
            return None
        kept = np.ones(self.about.num_rows, bool)
        if not (self.removed.min() >= 0 and self.removed.max() < len(kept)):
            raise damaged(self.folder / f"removed-{self.about.removed}.npy")
        kept[self.removed] = False
        return kept

    @property
    def codes(self) -> np.ndarray:
        """(R,) rows of `kclip.retrieval.codes`, memory-mapped, those of removed images too."""
        return self._codes

    @property
    def table(self) -> np.ndarray:
        """(R,) rows of `kclip.retrieval.storage.ROW`, memory-mapped, as `codes`."""
        return self._rows

    def ids(self) -> np.ndarray:
        """(N,) int64: the rows that count."""
        return np.arange(self.about.num_rows) if self.kept is None else np.flatnonzero(self.kept)

    def embeddings(self, ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """Embeddings of some rows: float32 (len(ids), D), of unit length but for rounding."""
        return decode(self._codes[np.asarray(ids, np.int64)])

    def name(self, id: int) -> str:
        """The name of an image in its folder or archive."""
        begin = int(self._rows["name_end"][id - 1]) if id else 0
        end = int(self._rows["name_end"][id])
        return self._names[begin:end].tobytes().decode("utf-8", "surrogateescape")

    def place(self, id: int) -> ImagePlace:
        """Where an image lies; its `read()` returns the encoded bytes."""
        ((_, place),) = row_places(self._rows, self._names, self.about, np.array([id]))
        return place

    def places(self) -> Iterator[tuple[int, ImagePlace]]:
        """Goes over all images: row and place."""
        return row_places(self._rows, self._names, self.about, self.ids())

    def search(
        self,
        queries: np.ndarray,
        top_k: int,
        skip: int = 0,
        allowed: np.ndarray | None = None,
        approximate: bool = False,
    ) -> list[tuple[Hit, ...]]:
        """Finds the images whose embeddings are most similar to each query's.

        Args:
            queries: (Q, D) floats of any length, such as `Embedder.embed_texts` returns.
            top_k: images wanted for each query; fewer are found where there are not as many.
            skip: the best images that are not wanted: `top_k` for the second page, and so on.
            allowed: (R,) bool, of `kclip.retrieval.filters`: the rows that may be found.
            approximate: ask only the part of the index that lies near a query (with faiss); a few
                images may be missed.

        Returns:
            For each query its images, best first; equal ones in the order of their paths.

        Raises:
            UserError: the queries are of another width; faiss is missing.
        """
        queries = np.atleast_2d(l2_normalize(queries))
        if queries.shape[1] != self.width:
            raise UserError(
                f"the queries have {queries.shape[1]} values each, the index {self.width}; embed "
                f"them with its model, {self.about.model or self.about.model_digest[:12]}"
            )
        if not len(self):
            return [()] * len(queries)
        allowed = _both(self.kept, allowed)
        # Of few rows that are allowed, hardly any lie in the part that would be asked.
        near = approximate and (allowed is None or allowed.mean() >= _MANY_ALLOWED)

        def find(count: int) -> tuple[np.ndarray, np.ndarray]:
            if near:
                return self._near.nearest_rows(queries, count, allowed)
            return nearest_rows(queries, self._codes, count, allowed=allowed)

        found = ordered_rows(
            find,
            lambda query, rows: np.vecdot(self.embeddings(rows), queries[query]),
            lambda row: self.place(row).path,
            top_k + skip,
            self.about.num_rows,
        )
        return [tuple(Hit(row, self.name(row), s) for row, s in of[skip:]) for of in found]

    @cached_property
    def _near(self) -> "ApproximateIndex":
        from kclip.retrieval.lists import open_lists

        return open_lists(self)


def _both(mask: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    if mask is None or other is None:
        return other if mask is None else mask
    return mask & other
