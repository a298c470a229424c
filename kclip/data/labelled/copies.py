"""Copies among labelled images: groups that a sample must not split, and copies in two of them."""

import numpy as np

from kclip.console.lines import LOGGER
from kclip.data.copies.fingerprinting import Fingerprinter
from kclip.data.copies.groups import copy_groups
from kclip.data.copies.search import find_copies
from kclip.data.labelled.images import LabelledImages


def image_groups(images: LabelledImages) -> np.ndarray:
    """Compares all images with each other.

    Args:
        images: N of them; each is opened once. Those that can't be read have no copies.

    Returns:
        (N,) int64: for each image the first row of its group of copies, its own where it has none.
    """
    fingerprints, _ = Fingerprinter()(images.images, len(images))
    groups = copy_groups(len(images), find_copies(fingerprints))
    num_copies = int((np.bincount(groups, minlength=1)[groups] > 1).sum()) if len(groups) else 0
    if num_copies:
        LOGGER.info(
            f"{num_copies:,} of {len(images):,} images have copies; copies stay on one side"
        )
    return groups


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
