"""Parting images so that each class is parted alike."""

import numpy as np

from kclip.errors import UserError


def sample_fraction(
    labels: np.ndarray,
    share: float,
    seed: int,
    what: str = "the share",
    every_class: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a share of each class, and returns the rows drawn and the rest, both in order.

    What is drawn depends on the labels, the share and the seed alone, so two commands that are
    given the same ones agree on it.

    Args:
        labels: (N,) integers.
        share: part of each class that is drawn, in (0, 1); its number is rounded.
        seed: of the draw.
        what: the share's name in messages, such as its flag.
        every_class: refuse a class too small to have an image on both sides; else nothing may be
            drawn of it, and at least one image of it is left.

    Returns:
        Two int64 arrays of rows, sorted.

    Raises:
        UserError: a class would have no image on one of the sides, or nothing would be drawn.

    Example:
        >>> drawn, rest = sample_fraction(np.array([0, 0, 0, 0, 1, 1]), 0.5, seed=0)
        >>> len(drawn), len(rest)
        (3, 3)
    """
    rng = np.random.default_rng(seed)
    drawn = []
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        count = round(share * len(own))
        if every_class and not 0 < count < len(own):
            raise UserError(
                f"{what} {share} of a class of {len(own)} images is {count}; give a share between "
                "0 and 1 that leaves an image of each class on both sides, or more images"
            )
        drawn.append(own[: min(count, len(own) - 1)])
    rows = np.sort(np.concatenate(drawn))
    if not len(rows):
        raise UserError(
            f"{what} {share} of {len(labels)} images in {len(drawn)} classes is none; "
            "give a larger share, or more images"
        )
    return rows, np.setdiff1d(np.arange(len(labels)), rows)
