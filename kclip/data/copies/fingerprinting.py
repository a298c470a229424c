"""Fingerprints of many images, on several threads, remembered from run to run."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.data.copies.fingerprint import FINGERPRINT, FINGERPRINT_VERSION, fingerprint
from kclip.data.images.limits import image_limits
from kclip.data.images.opening import ImageError
from kclip.files import replaced_when_done
from kclip.reading import open_arrays

_SAVED_EVERY = 4096  # new images, of which a run that is stopped loses no more
_CHUNK = 256  # images that are held at once


class Fingerprinter:
    """Takes fingerprints, and takes none twice.

    Args:
        cache: file that remembers them, or None. A file that has changed (by its size or time) is
            read anew.
        threads: images that are opened at once.
        max_pixels: of an image; by default those of `kclip.data.images.limits`.
    """

    def __init__(self, cache: Path | None = None, threads: int = 4, max_pixels: int | None = None):
        self._cache = cache
        self._threads = threads
        self._max_pixels = max_pixels or image_limits().max_pixels
        self._known: dict[int, np.ndarray] = _read(cache) if cache and cache.is_file() else {}
        self._unsaved = 0

    def __call__(
        self, images: Iterable[Path | bytes], total: int
    ) -> tuple[np.ndarray, dict[int, str]]:
        """Takes the fingerprints of N images.

        Args:
            images: files, or encoded bytes; no more than some hundred are held at once.
            total: N, for the progress bar.

        Returns:
            rows: (N,) of the dtype `FINGERPRINT`; all zeros where an image can't be read.
            faults: row -> why it can't.
        """
        rows: list[np.ndarray] = []
        faults: dict[int, str] = {}
        with (
            ThreadPoolExecutor(self._threads) as pool,
            ProgressBar(total=total, unit="img", desc="Comparing images") as progress,
        ):
            for chunk in _chunks(images, _CHUNK):
                for found in self._take(chunk, pool):
                    if isinstance(found, str):
                        faults[len(rows)] = found
                        found = np.zeros((), FINGERPRINT)
                    rows.append(found)
                    progress.update()
                if self._unsaved >= _SAVED_EVERY:
                    self._save()
        self._save()
        return np.array(rows, FINGERPRINT), faults

    def _take(
        self, images: list[Path | bytes], pool: ThreadPoolExecutor
    ) -> Iterator[np.ndarray | str]:
        """The fingerprint of each image, or why there is none."""
        keys = [_key(image) for image in images]
        new = [row for row, key in enumerate(keys) if not self._knows(key)]
        faults = {}
        for row, found in zip(new, pool.map(self._try, (images[row] for row in new)), strict=True):
            if isinstance(found, str):
                faults[keys[row]] = found
            else:
                self._known[keys[row]] = found
                self._unsaved += 1
        return (faults[key] if key in faults else self._known[key] for key in keys)

    def _knows(self, key: int) -> bool:
        """Whether an image was seen, and is not larger than what may be opened now."""
        row = self._known.get(key)
        if row is None:
            return False
        return int(row["height"]) * int(row["width"]) <= self._max_pixels

    def _try(self, image: Path | bytes) -> np.ndarray | str:
        try:
            return fingerprint(image, self._max_pixels)
        except ImageError as error:
            return error.reason

    def _save(self) -> None:
        if self._cache is None or not self._unsaved:
            return
        self._unsaved = 0
        with replaced_when_done(self._cache) as temporary:
            np.savez(
                temporary,
                made_by=_made_by(),
                keys=np.array(list(self._known), np.uint64),
                rows=np.array(list(self._known.values()), FINGERPRINT),
            )


def _made_by() -> str:
    """What fingerprints depend on besides the image."""
    return f"{FINGERPRINT_VERSION}, imagehash {version('imagehash')}, Pillow {version('pillow')}"


def _read(cache: Path) -> dict[int, np.ndarray]:
    """The rows of a cache by their keys; none where other versions have made it."""
    try:
        with open_arrays(cache, most_bytes=cache.stat().st_size) as arrays:
            if str(arrays["made_by"]) != _made_by() or arrays["rows"].dtype != FINGERPRINT:
                return {}
            return dict(zip(arrays["keys"].tolist(), arrays["rows"], strict=True))
    except (ValueError, TypeError):  # damaged: they are taken again
        return {}


def _key(image: Path | bytes) -> int:
    """What an image is known by: its bytes, or its path, size and time."""
    if isinstance(image, Path):
        try:
            status = image.stat()
        except OSError:
            status = None
        state = (status.st_size, status.st_mtime_ns) if status else ()
        image = repr((str(image), *state)).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(image, digest_size=8).digest(), "little")


def _chunks(images: Iterable[Path | bytes], size: int) -> Iterator[list[Path | bytes]]:
    iterator = iter(images)
    while chunk := list(islice(iterator, size)):
        yield chunk
