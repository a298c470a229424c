"""Checksums of a folder's files, noted when they are written: damage is found, not worked with."""

import json
from collections.abc import Callable, Collection
from pathlib import Path

from kclip.errors import UserError
from kclip.files import file_digest, path_inside, write_text
from kclip.reading import in_one_sentence, read_json_file

CHECKSUMS_FILE = "checksums.json"


def note_checksums(
    folder: Path, names: Collection[str] | None = None, within: str = "", add: bool = False
) -> None:
    """Notes the SHA-256 of files in `checksums.json`, written last.

    Args:
        folder: of the files.
        names: of the files, below it; those that are not there are left out. None: all files.
        within: folder below `folder` for `checksums.json`.
        add: whether what was noted of other files stays; where nothing was, nothing is.
    """
    path = folder / within / CHECKSUMS_FILE
    if add and not path.is_file():
        return
    noted = _noted(path) if add else {}
    if names is None:
        files = (file for file in folder.rglob("*") if file.is_file() and file != path)
        names = [file.relative_to(folder).as_posix() for file in files]
    found = {name: file_digest(folder / name) for name in names if (folder / name).is_file()}
    text = json.dumps({"sha256": dict(sorted((noted | found).items()))}, indent=1)
    write_text(path, text + "\n")


def changed_files(
    folder: Path, within: str = "", which: Callable[[str], bool] = lambda name: True
) -> dict[str, str]:
    """What is not as it was noted: name -> "missing" or "another checksum".

    Args:
        folder: of the files; one without `checksums.json` has nothing to compare.
        within: as in `note_checksums`.
        which: whether a file is to be looked at.

    Raises:
        UserError: `checksums.json` is damaged.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.txt").write_text("a")
        >>> note_checksums(folder)
        >>> _ = (folder / "a.txt").write_text("b")
        >>> changed_files(folder)
        {'a.txt': 'another checksum'}
    """
    path = folder / within / CHECKSUMS_FILE
    if not path.is_file():
        return {}
    faults = {}
    for name, digest in _noted(path).items():
        if not which(name):
            continue
        file = path_inside(folder, name, follow_links=True)
        if not file.is_file():
            faults[name] = "missing"
        elif file_digest(file) != digest:
            faults[name] = "another checksum"
    return faults


def refuse_changed_files(folder: Path, which: Callable[[str], bool], advice: str) -> None:
    """Raises a `UserError` where a file is not as it was noted; what is missing is passed over."""
    faults = changed_files(folder, which=lambda name: which(name) and (folder / name).exists())
    if faults:
        raise UserError(
            f"{next(iter(faults))!r} in {str(folder)!r} is not as it was written (its checksum in "
            f"{CHECKSUMS_FILE} is another); {advice}"
        )


def _noted(path: Path) -> dict[str, str]:
    with in_one_sentence(str(path), "copy its folder again, whole"):
        noted = read_json_file(path)["sha256"]
        return {str(name): str(digest) for name, digest in noted.items()}
