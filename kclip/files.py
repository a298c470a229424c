"""Writing files so that a reader never meets half of one."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
