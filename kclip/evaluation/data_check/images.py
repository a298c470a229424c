"""What looks wrong with images, by their fingerprints."""

from collections.abc import Mapping, Sequence

import numpy as np

from kclip.data.copies.search import MIN_CONTRAST
from kclip.data.images.limits import image_limits
from kclip.evaluation.data_check.findings import SERIOUS, WARNING, Finding, counted, make_finding

TINY = 32  # pixels of the shorter side
EXTREME = 4.0  # longer side / shorter side


def check_images(
    fingerprints: np.ndarray, faults: Mapping[int, str], names: Sequence[str]
) -> list[Finding]:
    """Checks N images.

    Args:
        fingerprints: (N,) of the dtype `FINGERPRINT`; rows of zeros where an image can't be read.
        faults: row -> why an image can't be read.
        names: of the images.
    """
    findings = [_unreadable(faults, names)] if faults else []
    sides = np.stack([fingerprints["height"], fingerprints["width"]])
    readable = sides.min(axis=0) > 0
    shorter, longer = sides.min(axis=0), sides.max(axis=0)
    sizes = [f"{name}: {w} x {h}" for name, h, w in zip(names, *sides, strict=True)]
    tiny = np.flatnonzero(readable & (shorter < TINY))
    if len(tiny):
        findings.append(
            make_finding(
                "tiny image",
                WARNING,
                f"{counted(len(tiny), 'image')} of less than {TINY} pixels on the shorter side.",
                "They are enlarged to the model's size, and show little; perhaps they are "
                "thumbnails of images that you have in full.",
                [sizes[row] for row in tiny],
                tiny.tolist(),
            )
        )
    extreme = np.flatnonzero(readable & (longer > EXTREME * shorter))
    if len(extreme):
        findings.append(
            make_finding(
                "extreme shape",
                WARNING,
                f"{counted(len(extreme), 'image')} with one side more than {EXTREME:g} times the "
                "other.",
                "They are squashed into a square, or lose most of their area; crop them.",
                [sizes[row] for row in extreme],
                extreme.tolist(),
            )
        )
    return findings + _one_color(fingerprints, readable, names)


def size_statistics(fingerprints: np.ndarray) -> dict[str, list[int]]:
    """The smallest, median and largest height and width in pixels.

    Example:
        >>> from kclip.data.copies.fingerprint import FINGERPRINT
        >>> rows = np.zeros(3, FINGERPRINT)
        >>> rows["height"], rows["width"] = (10, 20, 60), (30, 30, 30)
        >>> size_statistics(rows)
        {'height': [10, 20, 60], 'width': [30, 30, 30]}
    """
    readable = fingerprints[fingerprints["height"] > 0]
    if not len(readable):
        return {"height": [0, 0, 0], "width": [0, 0, 0]}
    quantiles = {
        side: np.quantile(readable[side], (0, 0.5, 1), method="nearest")
        for side in ("height", "width")
    }
    return {side: [int(value) for value in values] for side, values in quantiles.items()}


def _unreadable(faults: Mapping[int, str], names: Sequence[str]) -> Finding:
    level = SERIOUS if len(faults) > image_limits().max_unreadable * len(names) else WARNING
    return make_finding(
        "unreadable image",
        level,
        f"{counted(len(faults), 'image')} of {len(names):,} that can't be read.",
        "Repair them, or take them off the list; build_tfrecords leaves them out.",
        [f"{names[row]}: {reason}" for row, reason in faults.items()],
    )


def _one_color(
    fingerprints: np.ndarray, readable: np.ndarray, names: Sequence[str]
) -> list[Finding]:
    contrast = fingerprints["colors"].astype(np.float32).std(axis=(1, 2))  # of each channel
    plain = np.flatnonzero(readable & (contrast.max(axis=1) < MIN_CONTRAST))
    if not len(plain):
        return []
    return [
        make_finding(
            "one colour",
            WARNING,
            f"{counted(len(plain), 'image')} of one colour.",
            "They show nothing; often they stand for photographs that were removed.",
            [names[row] for row in plain.tolist()],
            plain.tolist(),
        )
    ]
