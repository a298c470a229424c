"""Fingerprints of many images, on several threads, remembered from run to run."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.data.copies.fingerprint import FINGERPRINT, fingerprint
from kclip.data.images.opening import ImageError
from kclip.files import replaced_when_done

_SAVED_EVERY = 4096  # images after which a run that is stopped has lost nothing


class Fingerprinter:
    """Takes fingerprints, and takes none twice.

    Args:
        cache: file that remembers them, or None. A file that has changed (by its size or time) is
            read anew.
        threads: images that are opened at once.
    """

    def __init__(self, cache: Path | None = None, threads: int = 4):
        self._cache = cache
        self._threads = threads
        self._known: dict[int, np.ndarray] = _read(cache) if cache and cache.is_file() else {}

    def __call__(self, images: Sequence[Path | bytes]) -> tuple[np.ndarray, dict[int, str]]:
        """Takes the fingerprints of N images.

        Args:
            images: files, or encoded bytes.

        Returns:
            rows: (N,) of the dtype `FINGERPRINT`; all zeros where an image can't be read.
            faults: row -> why it can't.
        """
        keys = [_key(image) for image in images]
        missing = [row for row, key in enumerate(keys) if key not in self._known]
        faults: dict[int, str] = {}
        with ProgressBar(
            total=len(missing), unit="img", desc="Comparing images", disable=not missing
        ) as progress:
            for start in range(0, len(missing), _SAVED_EVERY):
                part = missing[start : start + _SAVED_EVERY]
                with ThreadPoolExecutor(self._threads) as pool:
                    for row, found in zip(
                        part, pool.map(_try, (images[r] for r in part)), strict=True
                    ):
                        progress.update()
                        if isinstance(found, str):
                            faults[row] = found
                        else:
                            self._known[keys[row]] = found
                self._save()
        nothing = np.zeros((), FINGERPRINT)
        rows = [self._known.get(key, nothing) for key in keys]
        return np.array(rows, FINGERPRINT), faults

    def _save(self) -> None:
        if self._cache is None or not self._known:
            return
        with replaced_when_done(self._cache) as temporary:
            np.savez(
                temporary,
                keys=np.array(list(self._known), np.uint64),
                rows=np.array(list(self._known.values()), FINGERPRINT),
            )


def _read(cache: Path) -> dict[int, np.ndarray]:
    with np.load(cache) as arrays:
        rows = arrays["rows"]
        keys = arrays["keys"].tolist() if rows.dtype == FINGERPRINT else []
    return dict(zip(keys, rows, strict=False))


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


def _try(image: Path | bytes) -> np.ndarray | str:
    try:
        return fingerprint(image)
    except ImageError as error:
        return error.reason
