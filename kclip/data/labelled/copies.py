"""Copies among labelled images: groups that a sample must not split, and copies in two of them."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kclip.console.lines import LOGGER
from kclip.data.copies.fingerprinting import Fingerprinter
from kclip.data.copies.groups import copy_groups
from kclip.data.copies.search import find_copies
from kclip.data.labelled.images import LabelledImages

if TYPE_CHECKING:
    from kclip.data.records.writer import SplitFiles


def image_groups(images: LabelledImages) -> np.ndarray:
    """Compares all images with each other.

    Args:
        images: N of them; each is opened once. Those that can't be read have no copies.

    Returns:
        (N,) int64: for each image the first row of its group of copies, its own where it has none.
    """
    return _groups(images.images, len(images))


def split_groups(split: "SplitFiles") -> np.ndarray:
    """The same of the images of a split of TFRecords, in the order of the files."""
    from kclip.data.pipeline.split_reading import iterate_images

    return _groups((record.image for record in iterate_images(split)), split.num_records)


def distinct_images(images: LabelledImages) -> set[str]:
    """The ids of one image of each group of copies, the first: all of them where none has copies.

    Args:
        images: N of them; each is opened once.
    """
    groups = image_groups(images)
    return {images.records[row].id for row in np.unique(groups)}


def warn_of_shared_copies(trained_on: LabelledImages, measured_on: LabelledImages) -> int:
    """Counts images to measure on of which there is a copy to train on, and says so.

    Copies are equal, nearly equal and mirrored images.
    """
    both = [*trained_on.images, *measured_on.images]
    fingerprints, _ = Fingerprinter()(both, len(both))
    groups = copy_groups(len(both), find_copies(fingerprints))
    start = len(trained_on)
    seen = np.flatnonzero(np.isin(groups[start:], groups[:start]))
    if len(seen):
        LOGGER.warning(
            f"{len(seen):,} of {len(measured_on):,} images of {measured_on.origin} are copies of "
            f"images to train on, such as {measured_on.file_names[seen[0]]}; figures on them are "
            "too high"
        )
    return len(seen)


def _groups(images: Iterable[Path | bytes], num_images: int) -> np.ndarray:
    fingerprints, _ = Fingerprinter()(images, num_images)
    groups = copy_groups(num_images, find_copies(fingerprints))
    num_copies = int((np.bincount(groups, minlength=1)[groups] > 1).sum()) if len(groups) else 0
    if num_copies:
        LOGGER.info(f"{num_copies:,} of {num_images:,} images have copies; copies stay on one side")
    return groups
