"""Where unfinished files lie, and what becomes of those of a process that was killed."""

import fcntl
import glob
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Long enough for a process that still writes a file; each write counts anew.
_SECONDS_OF_SILENCE = 3600


@contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """Yields a folder beside `path` that is gone at the end.

    Those that killed processes have left for the same path are removed first; the lock on a folder
    ends with its process, however that ends.

    Args:
        path: of what the folder is for; its parent is made where it is missing.

    Example:
        >>> with scratch_beside(Path(tempfile.mkdtemp()) / "results") as folder:
        ...     folder.is_dir()
        True
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}-"
    for leftover in path.parent.glob(f"{glob.escape(prefix)}????????"):
        _remove_unless_held(leftover)
    while True:
        with tempfile.TemporaryDirectory(
            prefix=prefix, dir=path.parent, ignore_cleanup_errors=True
        ) as name:
            with _lock(Path(name)) as held:
                if held and os.path.isdir(name):
                    yield Path(name)
                    return
        # Another process took it for a leftover, before it was locked.


def remove_silent_files(path: Path) -> None:
    """Removes unfinished files of `path` into which nobody has written for an hour."""
    form = re.compile(rf"\.{re.escape(path.stem)}\.[0-9a-f]{{8}}{re.escape(path.suffix)}")
    for leftover in path.parent.glob(f".{glob.escape(path.stem)}.*"):
        try:
            silent = time.time() - leftover.stat().st_mtime > _SECONDS_OF_SILENCE
            if silent and form.fullmatch(leftover.name):
                leftover.unlink()
        except OSError:  # gone meanwhile, or not ours to remove
            continue


def _remove_unless_held(folder: Path) -> None:
    try:
        with _lock(folder) as held:
            if held:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # gone meanwhile, or no folder
        return


@contextmanager
def _lock(folder: Path) -> Iterator[bool]:
    """Yields whether this process holds the folder now."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(handle)
