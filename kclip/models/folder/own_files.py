"""The files of a folder from elsewhere: they lie in it, and they are files."""

import os
import stat
from pathlib import Path

from kclip.errors import UserError
from kclip.files import OutsideFolderError, path_inside


def own_file(folder, name):
    """The path of a file of a model folder.

    Args:
        folder: the folder.
        name: of the file, below it.

    Raises:
        UserError: the name, or a link, leads out of the folder, or there is something else than
            a file. The links of Hugging Face's cache lead to its own store and are followed.
    """
    folder = Path(folder)
    try:
        path = path_inside(folder, name)
    except OutsideFolderError:
        path = folder / name
        if not _in_cache_of_hugging_face(folder, path):
            raise UserError(
                f"{name!r} in the model folder {str(folder)!r} leads out of it; copy the file "
                "itself into the folder"
            ) from None
    if os.path.lexists(path) and not _is_file(path):
        raise UserError(
            f"{name!r} in the model folder {str(folder)!r} is no file; copy the folder again"
        )
    return path


def check_files(folder):
    """Raises a `UserError` where a file of a preset is none or lies elsewhere; see `own_file`."""
    folder = Path(folder)
    for path in [*sorted(folder.iterdir()), *sorted(folder.glob("assets/*/*"))]:
        if path.suffix and not path.is_dir():
            own_file(folder, path.relative_to(folder).as_posix())
    for path in sorted(folder.glob("assets/*")):
        own_folder = os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep)
        if path.is_dir() and not own_folder:
            raise UserError(
                f"{path.name!r} in {str(path.parent)!r} leads out of the model folder; copy the "
                "files themselves into it"
            )


def _in_cache_of_hugging_face(folder, path):
    """Whether a link of a folder `snapshots/REVISION` leads to the files beside `snapshots`."""
    store = folder.resolve().parent.parent / "blobs"
    return path.is_symlink() and Path(os.path.realpath(path)).parent == store


def _is_file(path):
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False
