"""Images of a user that cannot be used: found, named and counted."""

import math
from collections.abc import Sequence
from pathlib import Path

from kclip.console.lines import LOGGER, one_line
from kclip.data.images.limits import image_limits
from kclip.data.images.opening import ImageError, load_image
from kclip.errors import UserError

ALWAYS_ALLOWED = 3  # images that may be left out of few, where that leaves most of them
MAX_NAMED = 20  # lines about images left out; beyond that a count is enough


def warn_left_out(faults: Sequence[tuple[str, str]]) -> None:
    """Warns of files that are left out: names each with the reason, but not hundreds of them."""
    for name, reason in faults[:MAX_NAMED]:
        LOGGER.warning(f"left out: {one_line(name)}: {reason}")
    if len(faults) > MAX_NAMED:
        LOGGER.warning(f"left out: {len(faults) - MAX_NAMED} more")


def report_left_out(faults: Sequence[tuple[str, str]], total: int) -> None:
    """Warns of what is left out of an evaluation or index.

    Args:
        faults: file names, and why each image can't be used.
        total: how many inputs there were, these included.

    Raises:
        UserError: `faults` are all inputs, or a greater fraction than `image_limits` allow, and
            more than three or more than half of them all.
    """
    warn_left_out(faults)
    first = f"{one_line(faults[0][0])}: {faults[0][1]}" if faults else ""
    if faults and len(faults) == total:
        raise UserError(f"none of the {total} images can be used (the first: {first})")
    limit = image_limits().max_unreadable
    if len(faults) <= max(limit * total + 1e-9, min(ALWAYS_ALLOWED, total // 2)):
        return
    raise UserError(
        f"{len(faults)} of {total} images can't be used, more than the {limit:.0%} that may be "
        f"left out (the first: {first}); correct them, take them away, or give --max-unreadable "
        f"{min(1, math.ceil(100 * len(faults) / total) / 100)}"
    )


def image_fault(image: Path | bytes) -> str | None:
    """Why an image can't be used, or None where it can."""
    try:
        load_image(image)
    except ImageError as error:
        return error.reason
    return None
