"""The images below a folder: links are followed, what a system or program left there is not."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kclip.console.lines import LOGGER
from kclip.data.image_record import Rejection
from kclip.data.images.faults import warn_left_out
from kclip.data.images.kinds import image_suffixes, kind_fault
from kclip.errors import UserError
from kclip.files import printable

# Folders and files of systems and programs; whatever starts with a dot is passed over, too.
_SYSTEM = frozenset(
    ("@eadir", "#recycle", "#snapshot", "@recycle", "$recycle.bin", "__macosx", "__pycache__",
     "desktop.ini", "ehthumbs.db", "lost+found", "system volume information", "thumbs.db"),
)  # fmt: skip
_UNNAMED = frozenset((".ds_store", ".localized", "thumbs.db", "ehthumbs.db", "desktop.ini"))


@dataclass(frozen=True)
class ImageListing:
    """What lies below a folder.

    Attributes:
        directory: the folder.
        paths: files that look like images that can be read, sorted.
        folders: the folders that were looked into, with or without images.
        left_out: files that look like images and can't be read here, and links that are not
            followed, by their path below the folder.
        hidden: names of hidden and system files and folders, which are no images.
    """

    directory: Path
    paths: tuple[Path, ...]
    folders: tuple[Path, ...]
    left_out: tuple[Rejection, ...]
    hidden: tuple[str, ...]


def list_images(directory: Path) -> list[Path]:
    """Lists the image files below a folder, sorted by their path, and says what is left out.

    Raises:
        UserError: the folder is missing or holds no image that can be read.
    """
    listing = find_images(directory)
    report_listing(listing)
    return list(listing.paths)


def find_images(directory: Path) -> ImageListing:
    """Looks for images in a folder and the folders below it, those that links lead to included.

    Each folder is looked into once, however many links lead to it.

    Args:
        directory: the folder.

    Raises:
        UserError: the folder is missing or holds no image that can be read.
    """
    if not directory.is_dir():
        raise UserError(f"{directory} is not a folder; give the folder that holds the images.")
    walk = _Walk(directory)
    walk.run()
    if not walk.paths:
        faults = [fault.reason for fault in walk.left_out]
        found = f" but {len(faults)} that can't be read here ({faults[0]})" if faults else ""
        raise UserError(
            f"{directory} holds no images{found}; expected files such as .jpg or .png in it."
        )
    return ImageListing(
        directory,
        tuple(sorted(walk.paths)),
        tuple(sorted(walk.folders)),
        tuple(sorted(walk.left_out, key=lambda fault: fault.file_name)),
        tuple(sorted(walk.hidden)),
    )


def report_listing(listing: ImageListing) -> None:
    """Warns of files that are left out, and tells how many hidden ones are passed over."""
    warn_left_out([(fault.file_name, fault.reason) for fault in listing.left_out])
    if listing.hidden:
        LOGGER.info(
            f"{listing.directory}: {len(listing.hidden)} hidden or system files and folders are "
            f"passed over, such as {listing.hidden[0]}"
        )


@dataclass
class _Walk:
    root: Path
    paths: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    left_out: list[Rejection] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    _links: list[Path] = field(default_factory=list)
    _seen: dict[str, Path] = field(default_factory=dict)

    def run(self) -> None:
        """Goes through the real folders first, so that a link never takes the place of one."""
        self._folder(self.root)
        while self._links:
            links, self._links = sorted(self._links), []
            for link in links:
                self._link(link)

    def _folder(self, folder: Path) -> None:
        self._seen[os.path.realpath(folder)] = folder
        self.folders.append(folder)
        for entry in self._entries(folder):
            path = folder / entry.name
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM:
                if entry.name.lower() not in _UNNAMED:
                    self.hidden.append(self._name(path))
            elif entry.is_symlink() and path.is_dir():
                self._links.append(path)
            elif entry.is_dir():
                self._folder(path)
            elif entry.is_file():
                self._file(path)
            elif entry.is_symlink() and not path.exists():
                self._leave_out(path, "missing: a link to nothing")
            elif path.suffix.lower() in image_suffixes():
                self._leave_out(path, "not an image: a pipe, socket or device")

    def _entries(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                yield from sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._leave_out(folder, f"unreadable folder: {error.strerror}")

    def _file(self, path: Path) -> None:
        fault = kind_fault(path)
        if fault:
            self._leave_out(path, fault)
        elif fault is not None:
            self.paths.append(path)

    def _link(self, link: Path) -> None:
        target = os.path.realpath(link)
        if Path(os.path.realpath(self.root)).is_relative_to(target):
            self._leave_out(link, "a link to a folder that holds this one", False)
        elif target in self._seen:
            twin = self._name(self._seen[target])
            self._leave_out(link, f"a link to {twin}, whose images are taken already", False)
        else:
            self._folder(link)

    def _leave_out(self, path: Path, reason: str, loses_image: bool = True) -> None:
        self.left_out.append(Rejection(self._name(path), reason, loses_image))

    def _name(self, path: Path) -> str:
        return printable(path.relative_to(self.root).as_posix())
