"""The plain values that sources hand to the writer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

# As the one entry of `ignored_labels`: nothing is known of any class.
UNKNOWN = "*"


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
        ignored_labels: names of what the image may show: neither right nor wrong, such as
            VOC's "difficult" objects. `(UNKNOWN,)` stands for every class: the image has no labels
            because nobody has looked, not because it shows none of the classes.
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
        """What digests of a build are made of."""
        return [self.id, self.file_name, self.captions, self.labels, self.ignored_labels]


@dataclass(frozen=True)
class Rejection:
    """An input that was left out.

    Attributes:
        file_name: of the image, or what else tells the input, such as a table and its line.
        reason: a fixed word or two, then details.
        loses_image: whether an image may be lost by it, as against labels of no image.
    """

    file_name: str
    reason: str
    loses_image: bool = True


def all_there(records: Iterable[ImageRecord]) -> None:
    """What most sources have to do so that the files of records exist: nothing."""


@dataclass(frozen=True)
class Source:
    """What a source reader returns.

    Attributes:
        records: in the order of the source.
        rejections: what had to be left out.
        notes: sentences on what was taken for what, for the user to read.
        fetch_images: makes the files of some records exist.
    """

    records: list[ImageRecord]
    rejections: list[Rejection]
    notes: tuple[str, ...] = ()
    fetch_images: Callable[[Iterable[ImageRecord]], None] = all_there
