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
        ignored_labels: names of what the image may show: neither right nor wrong answers, such as
            VOC's "difficult" objects.
    """

    id: str
    file_name: str
    image: Path | bytes
    captions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    split: str = "train"
    ignored_labels: tuple[str, ...] = ()

    @property
    def texts(self) -> list[str | tuple[str, ...]]:
        """What digests of a build are made of.

        Ignored labels are left out where there are none, so that builds from before they existed
        stay valid.
        """
        texts = [self.id, self.file_name, self.captions, self.labels]
        return [*texts, self.ignored_labels] if self.ignored_labels else texts


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
