"""Reads the data set that is to be checked, whatever it is, and opens each image once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kclip.data.copies.fingerprinting import Fingerprinter
from kclip.data.image_record import ImageRecord, Rejection
from kclip.data.images.listing import find_images
from kclip.data.records import verify
from kclip.data.records.reading import iterate_split
from kclip.data.records.writer import open_split
from kclip.data.sources.registry import read_source
from kclip.data.sources.source_options import SourceOptions
from kclip.data.sources.split_folders import split_names
from kclip.evaluation.data_check.check import CheckedData
from kclip.files import printable


@dataclass(frozen=True)
class OpenedData:
    """A data set whose records can be gone through as often as needed.

    Attributes:
        build: the folder of TFRecords, or None.
        given: the records where there is no build.
        rejections: what the reader of a source left out.
        notes: sentences on what was taken for what.
    """

    build: Path | None
    given: Sequence[ImageRecord] = ()
    rejections: Sequence[Rejection] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        if self.build is None:
            return len(self.given)
        splits = verify.split_names(self.build)
        return sum(open_split(self.build, split).num_records for split in splits)

    def __iter__(self) -> Iterator[ImageRecord]:
        if self.build is None:
            yield from self.given
        else:
            for split in verify.split_names(self.build):
                yield from iterate_split(self.build, split)

    def images(self, rows: Iterable[int]) -> dict[int, Path | bytes]:
        """Row -> image, for some of the rows."""
        wanted = set(rows)
        return {row: record.image for row, record in enumerate(self) if row in wanted}


def open_source(options: SourceOptions, folder: Path) -> OpenedData:
    """Reads a source; its images are not opened.

    Args:
        options: of the source.
        folder: for images that it would generate or fetch.

    Raises:
        UserError: see `kclip.data.sources.registry.read_source`.
    """
    source = read_source(options, folder)
    return OpenedData(None, source.records, source.rejections, source.notes)


def open_plain_images(folder: Path) -> OpenedData | None:
    """Takes images without captions and labels, in a folder itself or in folders of splits.

    Returns:
        The images; None where they lie in other folders, which may be classes.

    Raises:
        UserError: the folder is missing or holds no image.
    """
    listing = find_images(folder)
    names = [path.relative_to(folder) for path in listing.paths]
    # The folder of each image, without a folder `images` above or below: it says nothing.
    parents = [[part for part in name.parts[:-1] if part.lower() != "images"] for name in names]
    splits = split_names({parts[0] for parts in parents if parts})
    if any(len(parts) > 1 or not splits.keys() >= set(parts) for parts in parents):
        return None
    records = []
    for name, path, parts in zip(names, listing.paths, parents, strict=True):
        shown = printable(name.as_posix())
        split = splits[parts[0]] if parts else "train"
        records.append(ImageRecord(shown, shown, path, split=split))
    taken = ", ".join(f"{name}/ as the split {split}" for name, split in splits.items())
    return OpenedData(None, records, listing.left_out, (f"took {taken}",) if taken else ())


def take_fingerprints(data: OpenedData, fingerprinter: Fingerprinter) -> CheckedData:
    """Opens every image once and keeps its fingerprint, not its bytes."""
    records: list[ImageRecord] = []

    def images() -> Iterator[Path | bytes]:
        for record in data:
            stored = isinstance(record.image, bytes)
            records.append(replace(record, image=b"") if stored else record)
            yield record.image

    rows, faults = fingerprinter(images(), len(data))
    return CheckedData(records, rows, faults, data.rejections)
