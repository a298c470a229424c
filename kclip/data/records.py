"""The plain values that sources hand to the writer."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ImageRecord:
    """One image with everything known about it.

    Attributes:
        id: unique in the dataset, over all splits.
        file_name: as the source names it, with forward slashes; what reports show.
        image: the file, or its encoded bytes.
        captions: sentences that describe the image.
        labels: names of what the image shows.
        split: the split that the record belongs to.
    """

    id: str
    file_name: str
    image: Path | bytes
    captions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    split: str = "train"


@dataclass(frozen=True)
class Rejection:
    """An input that was left out: `reason` starts with a fixed word or two, then details."""

    file_name: str
    reason: str


@dataclass(frozen=True)
class Source:
    """What a source reader returns: the records, and what it had to leave out."""

    records: list[ImageRecord]
    rejections: list[Rejection]
