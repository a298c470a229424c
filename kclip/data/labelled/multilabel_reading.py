"""Images with any number of labels, from TFRecords or from a folder and a CSV."""

from collections.abc import Sequence
from pathlib import Path

from kclip.console.lines import LOGGER
from kclip.data.image_record import ImageRecord, Rejection
from kclip.data.images.faults import report_left_out
from kclip.data.labelled.images import LabelledImages
from kclip.data.sources.reading_options import DEFAULTS, ReadingOptions
from kclip.errors import UserError


def read_labelled_split(data: Path, split: str) -> LabelledImages:
    """Reads one split of TFRecords, its images as they are stored.

    Returns:
        The images; the classes are all their labels, sorted.

    Raises:
        UserError: there is no such split, or it holds no labels.
    """
    from kclip.data.pipeline.split_reading import iterate_images
    from kclip.data.records.writer import open_split

    records = list(iterate_images(open_split(data, split)))
    if not any(record.labels for record in records):
        raise UserError(
            f"the split {split!r} of {data} holds no labels; build it with --labels, or give "
            "--images and --labels"
        )
    return _judged_by_own_labels(records, f"{split} of {data}", ())


def read_labelled_table(
    images_dir: Path, labels_csv: Path, options: ReadingOptions = DEFAULTS
) -> LabelledImages:
    """Reads a folder of images and a CSV of labels.

    Args:
        images_dir: the folder.
        labels_csv: as `sources.label_table.read_label_table` takes it.
        options: of the table.

    Returns:
        The images; the classes are all their labels, sorted.

    Raises:
        UserError: the CSV can't be read, or more than 1 % of its images have a fault.
    """
    from kclip.data.sources.csv import read_csv_source

    source = read_csv_source(images_dir, None, labels_csv, {}, options)
    for note in source.notes:
        LOGGER.info("%s", note)
    faults = [(fault.file_name, fault.reason) for fault in source.rejections]
    report_left_out(faults, len(source.records) + len(faults))
    origin = f"{images_dir} with {labels_csv.name}"
    return _judged_by_own_labels(source.records, origin, source.rejections)


def _judged_by_own_labels(
    records: Sequence[ImageRecord], origin: str, rejections: Sequence[Rejection]
) -> LabelledImages:
    labels = sorted({label for record in records for label in record.labels})
    return LabelledImages(records, {label: (label,) for label in labels}, origin, rejections)
