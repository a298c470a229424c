"""Where the outputs of frozen towers are kept: a folder for each, whole, checked and locked."""

import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import platformdirs

from kclip.console.lines import LOGGER
from kclip.errors import UserError
from kclip.files import folder_replaced_when_done, write_metrics
from kclip.reading import read_json_file

VARIABLE = "KCLIP_FEATURES_DIR"
ABOUT_FILE = "about.json"
_BYTES_AT_ONCE = 2**24


@dataclass(frozen=True)
class KeptFeatures:
    """One folder of a store.

    Attributes:
        name: of the folder, a digest of all that the features depend on.
        about: what they are of, for people; empty where the folder is not whole.
        num_bytes: on the disk.
    """

    name: str
    about: Mapping[str, Any]
    num_bytes: int


@dataclass(frozen=True)
class FeatureStore:
    """A folder of features; several processes may use it at once.

    Attributes:
        folder: made when something is kept in it.
    """

    folder: Path

    @classmethod
    def at(cls, folder: Path | None = None) -> "FeatureStore":
        """The store in a folder; without one in that of `KCLIP_FEATURES_DIR`, or the user's cache.

        Example:
            >>> FeatureStore.at(Path("features")).folder.as_posix()
            'features'
        """
        chosen = folder or os.environ.get(VARIABLE)
        return cls(Path(chosen) if chosen else platformdirs.user_cache_path("kclip") / "features")

    def computed_once(
        self,
        name: str,
        compute: Callable[[Path], None],
        about: Mapping[str, Any],
        num_bytes: int = 0,
    ) -> Path:
        """Has a folder of arrays filled, unless it is there and its bytes are what was written.

        A second process that wants the same waits for the first.

        Args:
            name: a digest of all that the arrays depend on.
            compute: writes the files into the folder that it is given.
            about: what they are of, for people; JSON can hold it.
            num_bytes: of the largest arrays, where they may be too large for the disk.

        Raises:
            UserError: the store's folder cannot be written, or the disk has no room.
        """
        with self._lock(name):
            path = self.folder / name
            if not is_whole(path):
                self._check_room(num_bytes)
                for leftover in self.folder.glob(f".{name}-*"):  # of a process that was killed
                    shutil.rmtree(leftover, ignore_errors=True)
                with folder_replaced_when_done(path) as new:
                    compute(new)
                    files = {file.name: _checksum(file) for file in sorted(new.iterdir())}
                    write_metrics(new / ABOUT_FILE, {**about, "files": files})
        return path

    def entries(self) -> list[KeptFeatures]:
        """All that is kept, the largest first."""
        folders = self.folder.iterdir() if self.folder.is_dir() else ()
        kept = [_entry(path) for path in folders if path.is_dir() and path.name[0] != "."]
        return sorted(kept, key=lambda entry: (-entry.num_bytes, entry.name))

    def delete(self, name: str) -> None:
        """Deletes one folder, when nobody computes it."""
        with self._lock(name):
            shutil.rmtree(self.folder / name)
        (self.folder / f"{name}.lock").unlink(missing_ok=True)

    def _check_room(self, num_bytes: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if num_bytes > free:
            raise UserError(
                f"the features would take {num_bytes / 2**30:,.1f} GiB, but the disk of "
                f"{self.folder} has {free / 2**30:,.1f} GiB left; give another --features-dir, or "
                "delete features with manage_features"
            )

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.folder / f"{name}.lock")
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                LOGGER.info("another process computes the same features; waiting for it")
                lock.acquire()
        except OSError as error:
            raise UserError(
                f"features cannot be kept in {self.folder} ({error.strerror}); give another "
                f"--features-dir, or set {VARIABLE}"
            ) from None
        try:
            yield
        finally:
            lock.release()


def _entry(path: Path) -> KeptFeatures:
    num_bytes = sum(file.stat().st_size for file in path.iterdir())
    return KeptFeatures(path.name, _about(path) or {}, num_bytes)


def _about(path: Path) -> dict[str, Any] | None:
    try:
        return read_json_file(path / ABOUT_FILE)
    except (OSError, ValueError):
        return None


def is_whole(path: Path) -> bool:
    """Whether a folder of the store is complete, and its bytes are those that were written."""
    about = _about(path)
    if about is None:
        return False
    noted = about.get("files") if isinstance(about, dict) else None
    files = noted if isinstance(noted, dict) else {"about.json": None}
    if all((path / f).is_file() and files[f] == _checksum(path / f) for f in files):
        return True
    LOGGER.warning("the features in %s are damaged and are computed again", path)
    return False


def _checksum(path: Path) -> list[int]:
    """Size and CRC-32 of a file: against damage, not against anybody's intention."""
    crc = 0
    with path.open("rb") as file:
        while part := file.read(_BYTES_AT_ONCE):
            crc = zlib.crc32(part, crc)
    return [path.stat().st_size, crc]
