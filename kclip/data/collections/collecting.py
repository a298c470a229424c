"""The images that a user names: folders, lists of files, tars and TFRecords, several at once."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kclip.console.lines import LOGGER
from kclip.data.collections.archives import places_in_records, places_in_tar
from kclip.data.collections.place import ImagePlace
from kclip.data.images.listing import find_images
from kclip.data.records.metadata import INFO_FILE
from kclip.data.sources.text_files import read_list
from kclip.errors import UserError

_LISTS = (".txt", ".lst", ".list")
Faults = list[tuple[str, str]]  # path, and why the image can't be used


@dataclass(frozen=True)
class Collection:
    """Images that were found, none of which has been opened yet.

    Attributes:
        places: in the order of the sources, each image once.
        left_out: path of what looks like an image and can't be used, and the reason.
    """

    places: list[ImagePlace]
    left_out: Faults


def collect(sources: Sequence[str | Path]) -> Collection:
    """Finds the images of all sources.

    Args:
        sources: each a folder of images, looked into with its sub-folders; a folder that
            `build_tfrecords` wrote; a tar (webdataset); or a text file with one image a line, by
            its path as seen from that file's folder.

    Raises:
        UserError: a source is missing or holds no images, a tar or list can't be read, or one
            folder lies in another.

    Example:
        >>> [place.name for place in collect(["photos"]).places]
        ['1.jpg', '2.jpg']
    """
    check_sources(sources)
    paths = [Path(os.path.abspath(source)) for source in sources]
    _check_apart([path for path in paths if path.is_dir()])
    left_out: Faults = []
    places: dict[tuple[str, int], ImagePlace] = {}
    for path in paths:
        for place in _at_least_one(path, _places(path, left_out), left_out):
            places.setdefault((place.path, place.offset), place)
    return Collection(list(places.values()), left_out)


def check_sources(sources: Sequence[str | Path]) -> None:
    """Raises `UserError` where a source is missing or of no kind that `collect` takes."""
    for source in map(Path, sources):
        listed = source.is_file() and source.suffix.lower() in _LISTS
        if not (source.is_dir() or listed or source.suffix.lower() == ".tar" and source.is_file()):
            raise UserError(
                f"{source} is not a folder of images; give one, or TFRecords of build_tfrecords, a "
                ".tar, or a .txt with one image a line"
            )


def _places(source: Path, left_out: Faults) -> Iterator[ImagePlace]:
    if (source / INFO_FILE).is_file():
        return places_in_records(source)
    if source.is_dir():
        return _places_in_folder(source, left_out)
    if source.suffix.lower() == ".tar":
        return places_in_tar(source)
    return _places_in_list(source, left_out)


def _at_least_one(
    source: Path, places: Iterator[ImagePlace], left_out: Faults
) -> Iterator[ImagePlace]:
    none = True
    for place in places:
        none = False
        yield place
    if none:
        first = f" (the first: {left_out[-1][0]}: {left_out[-1][1]})" if left_out else ""
        raise UserError(f"{source} names no images that are there{first}")


def _places_in_folder(folder: Path, left_out: Faults) -> Iterator[ImagePlace]:
    listing = find_images(folder)
    left_out += [(str(folder / fault.file_name), fault.reason) for fault in listing.left_out]
    if listing.hidden:
        LOGGER.info(
            f"{folder}: {len(listing.hidden)} hidden or system files and folders are passed over, "
            f"such as {listing.hidden[0]}"
        )
    names = (path.relative_to(folder).as_posix() for path in listing.paths)
    yield from _files(folder, names, left_out)


def _places_in_list(path: Path, left_out: Faults) -> Iterator[ImagePlace]:
    yield from _files(path.parent, read_list(path), left_out)


def _files(
    folder: Path, names: Iterator[str] | list[str], left_out: Faults
) -> Iterator[ImagePlace]:
    for name in names:
        try:
            status = os.stat(folder / name)
        except (OSError, ValueError) as error:  # ValueError: a NUL character
            left_out.append((str(folder / name), f"missing: {getattr(error, 'strerror', error)}"))
            continue
        root, name = os.path.split(name) if os.path.isabs(name) else (str(folder), name)
        yield ImagePlace(root, name, status.st_size, status.st_mtime_ns)


def _check_apart(folders: list[Path]) -> None:
    """Refuses a folder that lies in another, whose images would be found twice."""
    for number, folder in enumerate(folders):
        for other in folders[:number] + folders[number + 1 :]:
            if folder.resolve().is_relative_to(other.resolve()):
                raise UserError(f"{folder} lies in {other}, or is the same; give one of them")
