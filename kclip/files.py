"""Writing files so that a reader never meets half of one."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kclip.errors import UserError


@contextmanager
def replaced_when_done(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its name when the block ends well.

    The folder is made where it is missing. If the block raises, `path` is as it was before.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "results" / "note.txt"
        >>> with replaced_when_done(target) as temporary:
        ...     _ = temporary.write_text("done")
        >>> target.read_text()
        'done'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays, since np.save and matplotlib read the format from it.
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def folder_when_done(path: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `path` that takes its name when the block ends well.

    Raises:
        UserError: `path` is there already and is no empty folder.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "results"
        >>> with folder_when_done(target) as folder:
        ...     _ = (folder / "note.txt").write_text("done")
        >>> [file.name for file in target.iterdir()]
        ['note.txt']
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(f"{path} is there already; give another folder, or delete this one")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as scratch:
        folder = Path(scratch) / path.name
        folder.mkdir()
        yield folder
        folder.replace(path)
