"""Parting images so that each class is parted alike."""

import numpy as np

from kclip.errors import UserError


def draw_share(
    labels: np.ndarray, share: float, seed: int, what: str = "the share"
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a share of each class, and returns the rows drawn and the rest, both in order.

    What is drawn depends on the labels, the share and the seed alone, so two commands that are
    given the same ones agree on it.

    Args:
        labels: (N,) integers in [0, C), every class at least once.
        share: part of each class that is drawn, in (0, 1); its number is rounded.
        seed: of the draw.
        what: the share's name in messages, such as its flag.

    Returns:
        Two int64 arrays of rows, sorted.

    Raises:
        UserError: a class would have no image on one of the sides.

    Example:
        >>> drawn, rest = draw_share(np.array([0, 0, 0, 0, 1, 1]), 0.5, seed=0)
        >>> len(drawn), len(rest)
        (3, 3)
    """
    rng = np.random.default_rng(seed)
    drawn = []
    for label in range(labels.max() + 1):
        own = rng.permutation(np.flatnonzero(labels == label))
        count = round(share * len(own))
        if not 0 < count < len(own):
            raise UserError(
                f"{what} {share} of a class of {len(own)} images is {count}; give a share between "
                "0 and 1 that leaves an image of each class on both sides, or more images"
            )
        drawn.append(own[:count])
    rows = np.sort(np.concatenate(drawn))
    return rows, np.setdiff1d(np.arange(len(labels)), rows)
