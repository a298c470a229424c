"""Which images are the same, byte for byte, whatever they are called and wherever they lie."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from kclip.console.lines import LOGGER
from kclip.errors import UserError
from kclip.reading import read_file

MAX_SHARED = 0.01  # copies among test images; data sets that people collect have a few


def content_digests(images: Iterable[Path | bytes]) -> list[str]:
    """Hex digests, 16 digits each, of files or encoded bytes; a missing file's is of no bytes."""
    return [hashlib.blake2b(_content(image), digest_size=8).hexdigest() for image in images]


def check_unseen(
    trained_on: Collection[str], test_images: Sequence[Path | bytes], what: str
) -> None:
    """Makes sure that images to test on were not trained on, so that no figure is too high.

    Args:
        trained_on: content digests of the training images.
        test_images: the files to test on.
        what: who was trained on them, for the message.

    Raises:
        UserError: more than 1 % of the test images are copies of training images.
    """
    trained_on = set(trained_on)
    seen = [
        image
        for image, digest in zip(test_images, content_digests(test_images), strict=True)
        if digest in trained_on
    ]
    if seen:
        LOGGER.warning(f"{len(seen)} of {len(test_images)} test images were trained on by {what}")
    if len(seen) > MAX_SHARED * len(test_images):
        raise UserError(
            f"{what} was trained on {len(seen)} of the {len(test_images)} test images "
            f"({_name(seen[0])}); give other test images, or the same --train-fraction and --seed "
            "to train_classifier and compare_classifiers"
        )


def warn_of_measured_images(
    fitted_on: Sequence[Path | bytes], measured_on: Sequence[Path | bytes]
) -> int:
    """Counts images that something is fitted on and that are measured as well, and says so."""
    fitted = set(content_digests(fitted_on))
    count = sum(digest in fitted for digest in content_digests(measured_on))
    if count:
        LOGGER.warning(
            f"{count:,} of the {len(measured_on):,} measured images are calibrated on as well; "
            "calibration and threshold look better on them than on others"
        )
    return count


def _content(image: Path | bytes) -> bytes:
    if isinstance(image, bytes):
        return image
    try:
        return read_file(image)
    except OSError:  # missing, or no file
        return b""


def _name(image: Path | bytes) -> str:
    return "encoded images" if isinstance(image, bytes) else f"such as {image}"
