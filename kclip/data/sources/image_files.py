"""Finds the files of images by the names that tables give them."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from posixpath import normpath, split
from urllib.parse import unquote, urlsplit

from kclip.data.image_record import Rejection
from kclip.data.images.kinds import image_suffixes
from kclip.errors import UserError
from kclip.files import OutsideFolderError, path_inside

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class FoundFiles:
    """What the names of one table lead to.

    Attributes:
        paths: name -> file, in the order of the names. The file may be missing; then the path is
            the folder and the name.
        rejections: names that lead to no file, or to that of another name.
    """

    paths: Mapping[str, Path]
    rejections: tuple[Rejection, ...]


class ImageFolder:
    r"""A folder whose files are looked up by the names that people write into tables.

    A name is taken as it is where there is such a file. Otherwise the one file is taken that
    differs from it in no more than: `\` for `/`; the folder's own name before it; how accents are
    composed; capitals; a suffix that the name leaves out. Of a URL its last part is taken.

    Args:
        path: the folder.
        allow_outside: take names that lead out of it, too.

    Raises:
        UserError: it is no folder.
    """

    def __init__(self, path: Path, allow_outside: bool = False):
        if not path.is_dir():
            raise UserError(f"{path} is not a folder; give the folder that holds the images.")
        self.path = path
        self.allow_outside = allow_outside
        self._indexes: dict[Callable[[str], str], dict[str, list[str]]] = {}
        self._known: dict[str, tuple[Path, bool]] = {}
        self._inside: set[str] = set()  # folders below `path` that lie in it

    def find_all(self, names: Iterable[str]) -> FoundFiles:
        """Finds the files of one table's names, each of which must be a file of its own."""
        found: dict[str, tuple[Path | None, bool]] = {}
        rejections = []
        for name in dict.fromkeys(map(tidy_name, names)):
            try:
                path, exists = self._look_up(name)
                found[name] = (path if exists else self._spelled_otherwise(name), exists)
            except OutsideFolderError:
                reason = "outside of the images' folder: give --allow-outside to take it"
                rejections.append(Rejection(name, reason))
            except _AmbiguousNameError as error:
                rejections.append(Rejection(name, f"several files: {error}"))
        # A file belongs to the name that is spelled as it is, else to the first one.
        by_spelling = sorted(found.items(), key=lambda item: not item[1][1])
        owners: dict[str, str] = {}
        for name, (path, _) in by_spelling:
            if path is not None:
                owners.setdefault(os.path.normpath(path), name)
        paths = {}
        for name, (path, _) in found.items():
            owner = name if path is None else owners[os.path.normpath(path)]
            if owner == name:
                paths[name] = path or self.path / name
            else:
                rejections.append(Rejection(name, f"two names of one file: it is {owner}, too"))
        return FoundFiles(paths, tuple(rejections))

    def _look_up(self, name: str) -> tuple[Path, bool]:
        """The path of a name, and whether there is such a file; raises `OutsideFolderError`."""
        if name not in self._known:
            # Each folder is checked once: resolving all links for each of 100,000 files takes long.
            folder, file = split(name)
            path = self.path / name
            if folder not in self._inside:
                path_inside(self.path, folder, self.allow_outside)
                self._inside.add(folder)
            if file in ("", ".", "..") or "\0" in file or os.path.islink(path):
                path_inside(self.path, name, self.allow_outside)
            self._known[name] = (path, os.path.exists(path))
        return self._known[name]

    def _spelled_otherwise(self, name: str) -> Path | None:
        keys = (_composed, str.casefold, _without_suffix)
        for key in keys[: 2 if _suffix(name) in image_suffixes() else 3]:
            for text in self._variants(name):
                found = self._files(key).get(key(text), ())
                if len(found) > 1:
                    raise _AmbiguousNameError(" and ".join(found[:3]))
                if found:
                    return path_inside(self.path, found[0], self.allow_outside)
        return None

    def _variants(self, name: str) -> list[str]:
        """The name as it is, and without the folder's own name before it."""
        if _URL.match(name):
            return [_composed(PurePosixPath(unquote(urlsplit(name).path)).name)]
        text = _composed(name.lstrip("/"))
        folders = [_composed(part).casefold() for part in self.path.absolute().parts]
        parts = PurePosixPath(text).parts
        below = [
            "/".join(parts[count:])
            for count in range(1, len(parts))
            if folders[-count:] == [part.casefold() for part in parts[:count]]
        ]
        return [text, *below]

    def _files(self, key: Callable[[str], str]) -> Mapping[str, list[str]]:
        if key not in self._indexes:
            index: dict[str, list[str]] = {}
            for file in self._all_files:
                index.setdefault(key(_composed(file.replace("\\", "/"))), []).append(file)
            self._indexes[key] = index
        return self._indexes[key]

    @cached_property
    def _all_files(self) -> list[str]:
        """Paths below the folder; listed only once a name was not found as it is."""
        return sorted(
            PurePosixPath(os.path.relpath(os.path.join(folder, file), self.path)).as_posix()
            for folder, _, files in os.walk(self.path)
            for file in files
        )


class _AmbiguousNameError(Exception):
    """A name that several files could have."""


def tidy_name(name: str) -> str:
    """A name with forward slashes, without `./` and doubled ones; URLs stay as they are."""
    return name if _URL.match(name) else normpath(name.replace("\\", "/"))


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _suffix(text: str) -> str:
    return PurePosixPath(text).suffix.lower()


def _without_suffix(text: str) -> str:
    """A path without an image's suffix, in small letters."""
    path = PurePosixPath(text)
    return (
        (path.with_suffix("") if _suffix(text) in image_suffixes() else path).as_posix().casefold()
    )
