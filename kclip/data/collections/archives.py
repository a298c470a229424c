"""The images inside of archives, found without being decoded: tars of webdataset and TFRecords."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from kclip.data.collections.place import ImagePlace
from kclip.data.images.kinds import readable_suffixes
from kclip.data.records.file_format import read_records
from kclip.data.records.reading import parse_record
from kclip.data.records.writer import open_splits
from kclip.errors import KclipError, UserError


def places_in_tar(path: Path) -> Iterator[ImagePlace]:
    """Yields the images of a plain tar in its order; other files in it are passed over.

    Raises:
        UserError: it is no plain tar, or it is cut off.
    """
    mtime_ns = path.stat().st_mtime_ns
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                suffix = os.path.splitext(member.name)[1].lower()
                if member.isreg() and not member.issparse() and suffix in readable_suffixes():
                    place = (str(path), member.name, member.size, mtime_ns, member.offset_data)
                    yield ImagePlace(*place)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise UserError(
            f"{path} can't be read as a tar ({error}); give a whole one that is not compressed, "
            "since images are read from the middle of it"
        ) from None


def places_in_records(directory: Path) -> Iterator[ImagePlace]:
    """Yields the images of all splits of a finished build of TFRecords.

    Raises:
        UserError: there is no finished build in the folder.
        KclipError: a record is damaged or cut off.
    """
    for split, files in open_splits(directory).items():
        for path in files.files:
            try:
                yield from _places_in_shard(path, split)
            except KclipError as error:
                raise KclipError(f"{path}: {error}; build it again") from None


def _places_in_shard(path: Path, split: str) -> Iterator[ImagePlace]:
    mtime_ns = path.stat().st_mtime_ns
    with path.open("rb") as file:
        for payload in read_records(file):
            record = parse_record(payload, split)
            assert isinstance(record.image, bytes)
            # The file stands behind the payload and its checksum of 4 bytes.
            begin = file.tell() - 4 - len(payload) + payload.index(record.image)
            yield ImagePlace(str(path), record.file_name, len(record.image), mtime_ns, begin)
