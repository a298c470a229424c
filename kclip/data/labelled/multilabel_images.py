"""Images with any number of labels, from TFRecords or from a folder and a CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kclip.data.images.faults import report_left_out
from kclip.errors import UserError


@dataclass(frozen=True)
class MultiLabelImages:
    """N images.

    Attributes:
        images: files, or encoded bytes.
        file_names: what they are called.
        labels: the labels of each, perhaps none.
        ignored_labels: what each may show: neither right nor wrong answers.
        origin: where they come from, in words.
    """

    images: Sequence[Path | bytes]
    file_names: Sequence[str]
    labels: Sequence[Sequence[str]]
    ignored_labels: Sequence[Sequence[str]]
    origin: str

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, rows: Sequence[int]) -> "MultiLabelImages":
        """Returns some of the images."""
        return MultiLabelImages(
            [self.images[row] for row in rows],
            [self.file_names[row] for row in rows],
            [self.labels[row] for row in rows],
            [self.ignored_labels[row] for row in rows],
            self.origin,
        )

    @property
    def label_names(self) -> list[str]:
        """Every label that an image has, sorted."""
        return sorted({label for labels in self.labels for label in labels})


def read_split(data: Path, split: str) -> MultiLabelImages:
    """Reads one split of TFRecords, its images as they are stored.

    Raises:
        UserError: there is no such split, or it holds no labels.
    """
    from kclip.data.pipeline.split_reading import (
        encoded_images,
        iterate_ignored_labels,
        iterate_labels,
    )
    from kclip.data.records.writer import open_split

    files = open_split(data, split)
    labels = dict(iterate_labels(files))
    if not any(labels.values()):
        raise UserError(
            f"the split {split!r} of {data} holds no labels; build it with --labels, or give "
            "--images and --labels"
        )
    ignored = dict(iterate_ignored_labels(files))
    images = encoded_images(files, labels.keys())
    names = list(labels)
    return MultiLabelImages(
        [images[name] for name in names],
        names,
        [labels[name] for name in names],
        [ignored[name] for name in names],
        f"{split} of {data}",
    )


def read_labelled_images(images_dir: Path, labels_csv: Path) -> MultiLabelImages:
    """Reads a folder of images and a CSV with the header `image,labels` or `image,tags`.

    Raises:
        UserError: the CSV can't be read, or more than 1 % of its images have a fault.
    """
    from kclip.data.sources.labelled import read_csv_source

    source = read_csv_source(images_dir, None, labels_csv, {})
    faults = {fault.file_name: fault.reason for fault in source.rejections}
    report_left_out(faults, len(source.records) + len(faults))
    return MultiLabelImages(
        [record.image for record in source.records],
        [record.file_name for record in source.records],
        [record.labels for record in source.records],
        [record.ignored_labels for record in source.records],
        f"{images_dir} with {labels_csv.name}",
    )
