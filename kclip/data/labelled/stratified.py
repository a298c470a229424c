"""Samples of images in which each class keeps its fraction."""

import numpy as np

from kclip.data.copies.groups import take_groups
from kclip.errors import UserError


def sample_fraction(
    labels: np.ndarray,
    fraction: float,
    seed: int,
    what: str = "the fraction",
    every_class: bool = True,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Samples a fraction of each class, and returns the sampled rows and the rest, both in order.

    What is sampled depends on the labels, the fraction, the seed and the groups alone, so two
    commands that are given the same ones agree on it.

    Args:
        labels: (N,) integers.
        fraction: part of each class that is sampled, in (0, 1); its number is rounded.
        seed: of the sample.
        what: the fraction's name in messages, such as its flag.
        every_class: refuse a class too small to have an image on both sides; else nothing may be
            sampled of it, and at least one image of it is left.
        groups: (N,) integers, equal for images that are copies of each other: those of a group
            all go to one side. Of a class with copies a few images less may be sampled.

    Returns:
        Two int64 arrays of rows, sorted.

    Raises:
        UserError: a class would have no image on one of the sides, or nothing would be sampled.

    Example:
        >>> sampled, rest = sample_fraction(np.array([0, 0, 0, 0, 1, 1]), 0.5, seed=0)
        >>> len(sampled), len(rest)
        (3, 3)
    """
    rng = np.random.default_rng(seed)
    groups = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    is_sampled, is_settled = np.zeros((2, len(labels)), bool)  # of groups
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        count = round(fraction * len(own))
        if every_class and not 0 < count < len(own):
            raise UserError(
                f"{what} {fraction} of a class of {len(own)} images is {count}; give a fraction "
                "between 0 and 1 that leaves an image of each class on both sides, or more images"
            )
        # Copies may have several classes; the first of these settles where all of them go.
        left = min(count, len(own) - 1) - int(is_sampled[groups[own]].sum())
        own = own[~is_settled[groups[own]]]
        is_settled[groups[own]] = True
        is_sampled[groups[own[take_groups(groups[own], left)]]] = True
    rows = np.flatnonzero(is_sampled[groups])
    rest = np.setdiff1d(np.arange(len(labels)), rows)
    _check(labels, rows, rest, f"{what} {fraction}", every_class)
    return rows, rest


def _check(
    labels: np.ndarray, rows: np.ndarray, rest: np.ndarray, what: str, every_class: bool
) -> None:
    num_classes = len(np.unique(labels))
    if not len(rows):
        raise UserError(
            f"{what} of {len(labels)} images in {num_classes} classes is none; "
            "give a larger fraction, or more images"
        )
    if every_class and any(len(np.unique(labels[side])) < num_classes for side in (rows, rest)):
        raise UserError(
            f"{what} leaves a class without an image on one side, since its images are copies of "
            "each other; give another fraction, or take copies away (check_data lists them)"
        )
