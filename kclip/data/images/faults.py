"""Images of a user that cannot be used: found, named and counted."""

from collections.abc import Sequence
from pathlib import Path

from kclip.console.lines import LOGGER
from kclip.data.images.opening import ImageError, load_image
from kclip.errors import UserError

MAX_LEFT_OUT = 0.01  # the fraction of images that may be left out, as in build_tfrecords
MAX_NAMED = 20  # lines about images left out; beyond that a count is enough


def report_left_out(faults: Sequence[tuple[str, str]], total: int) -> None:
    """Warns of what is left out of an evaluation or index.

    Args:
        faults: file names, and why each image can't be used.
        total: how many inputs there were, these included.

    Raises:
        UserError: `faults` are more than 1 % of `total`.
    """
    lines = [f"{name}: {reason}" for name, reason in faults]
    for line in lines[:MAX_NAMED]:
        LOGGER.warning(f"left out: {line}")
    if len(faults) > MAX_NAMED:
        LOGGER.warning(f"left out: {len(faults) - MAX_NAMED} more")
    if len(faults) > MAX_LEFT_OUT * total:
        raise UserError(
            f"{len(faults)} of {total} images can't be used, more than the "
            f"{MAX_LEFT_OUT:.0%} that may be left out (the first: {lines[0]}); "
            "add or repair them, or take them off the list"
        )


def image_fault(image: Path | bytes) -> str | None:
    """Why an image can't be used, or None where it can."""
    try:
        load_image(image)
    except ImageError as error:
        return error.reason
    return None
