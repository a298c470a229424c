"""Copies and near copies among the images of an index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.data.collections.place import ImagePlace
from kclip.data.copies.fingerprinting import Fingerprinter
from kclip.data.copies.listing import ListedCopy, list_copies
from kclip.data.copies.search import find_copies
from kclip.data.images.opening import ImageError
from kclip.retrieval.index import ImageIndex

_ROWS, _COLUMNS = 1024, 8192  # of a block of cosines, 32 MiB


@dataclass(frozen=True)
class Duplicates:
    """What is a copy of what.

    Attributes:
        places: of the images that were compared closely.
        listed: those that have copies, group by group; `row` and `copy_row` number `places`.
        unreadable: how many of them can't be read any more.
    """

    places: tuple[ImagePlace, ...]
    listed: list[ListedCopy]
    unreadable: int

    @property
    def num_groups(self) -> int:
        """How many images there are, of those with copies, if each counts once."""
        return max((copy.group for copy in self.listed), default=0)


def find_duplicates(index: ImageIndex, min_cosine: float, threads: int) -> Duplicates:
    """Finds images that are the same file, have the same pixels, are nearly equal or mirrored.

    Embeddings say which images may be copies; only these are opened, and compared by their
    fingerprints (see `kclip.data.copies.search`, which says what is found and what is not).

    Args:
        index: of N images; time grows with the square of N, about a minute for 100,000.
        min_cosine: of embeddings of images that are compared closely.
        threads: images that are opened at once.
    """
    ids = likely_copies(index, min_cosine)
    places = tuple(index.place(row) for row in ids.tolist())
    prints, faults = Fingerprinter(threads=threads)(_sources(places), len(places))
    names = [place.shown for place in places]
    listed = list_copies(names, [""] * len(names), find_copies(prints))
    return Duplicates(places, listed, len(faults))


def likely_copies(index: ImageIndex, min_cosine: float) -> np.ndarray:
    """The rows of images that have another one at this cosine or above: int64, ascending."""
    ids = index.ids()
    near = np.zeros(len(ids), bool)
    with ProgressBar(total=len(ids), unit="img", desc="Comparing embeddings") as bar:
        for top in range(0, len(ids), _ROWS):
            block = index.embeddings(ids[top : top + _ROWS])
            for left in range(top, len(ids), _COLUMNS):
                others = index.embeddings(ids[left : left + _COLUMNS])
                found = block @ others.T >= min_cosine
                # An image is no copy of itself, and earlier ones have been compared before.
                found &= np.arange(top, top + len(block))[:, None] < np.arange(
                    left, left + len(others)
                )
                near[top : top + len(block)] |= found.any(axis=1)
                near[left : left + len(others)] |= found.any(axis=0)
            bar.update(len(block))
    return ids[near]


def _sources(places: Sequence[ImagePlace]) -> Iterator:
    for place in places:
        try:
            yield place.source
        except ImageError:  # its archive is gone: no bytes, which count as unreadable
            yield b""
