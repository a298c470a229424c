"""Copies among the images of a build: kept on one side of a sampled split, and listed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from kclip.data.copies.fingerprinting import Fingerprinter
from kclip.data.copies.groups import copy_groups
from kclip.data.copies.listing import ListedCopy, list_copies
from kclip.data.copies.search import CopyPair, find_copies
from kclip.data.image_record import ImageRecord
from kclip.data.records.shards import STATE_FOLDER

_CACHE_FILE = "fingerprints.npz"


class BuildCopies:
    """Compares the images of a build.

    Fingerprints are kept beside the shards, so a build that goes on after a stop opens no image
    for this again, and groups its copies as before.

    Args:
        directory: the build's output.
        fetch_images: makes the images of records exist.
        threads: images that are opened at once.
        max_pixels: of an image; larger ones are rejected when they are written.
    """

    def __init__(
        self,
        directory: Path,
        fetch_images: Callable[[Iterable[ImageRecord]], None],
        threads: int,
        max_pixels: int | None = None,
    ):
        cache = directory / STATE_FOLDER / _CACHE_FILE
        self._fingerprint = Fingerprinter(cache, threads, max_pixels)
        self._fetch_images = fetch_images
        self._compared: tuple[list[str], list[CopyPair]] = ([], [])

    def groups(self, records: Sequence[ImageRecord]) -> np.ndarray:
        """(N,) int64: the group of copies that each record belongs to."""
        order = sorted(range(len(records)), key=lambda row: records[row].id)
        groups = np.zeros(len(records), np.int64)
        groups[order] = copy_groups(len(records), self._pairs([records[row] for row in order]))
        return groups

    def listed(self, splits: Mapping[str, Sequence[ImageRecord]]) -> list[ListedCopy]:
        """All copies among the records of all splits. Images that can't be read have none."""
        records = sorted(
            (record for own in splits.values() for record in own), key=lambda record: record.id
        )
        names, own = [record.file_name for record in records], [record.split for record in records]
        return list_copies(names, own, self._pairs(records))

    def _pairs(self, records: Sequence[ImageRecord]) -> list[CopyPair]:
        """Copies among records sorted by id; those of the last call are remembered."""
        ids = [record.id for record in records]
        if ids != self._compared[0]:
            self._fetch_images(records)
            rows, _ = self._fingerprint((record.image for record in records), len(records))
            self._compared = (ids, find_copies(rows))
        return self._compared[1]
