"""Random splits of images with many labels each, in which every class is split alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kclip.errors import UserError

# The training set of each ratio is sampled from that of the one before.
_LADDER = (0.9, 0.7, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)


@dataclass(frozen=True)
class MultilabelSplit:
    """Which images train and which test.

    Attributes:
        train: sorted int64 rows.
        test: sorted int64 rows: all the others.
        classes_without_positive: names of the classes that no training image has. Nothing can be
            learned of them from this split.
    """

    train: np.ndarray
    test: np.ndarray
    classes_without_positive: tuple[str, ...]


def sample_split(
    labels: np.ndarray,
    class_names: Sequence[str],
    ratio: float,
    seed: int,
    every_class: bool = False,
) -> MultilabelSplit:
    """Samples training images so that each class keeps its fraction, as well as whole images allow.

    The split depends on the labels, the ratio and the seed alone, not on which other ratios are
    asked for. It is sampled down a ladder of ratios, 0.9, 0.7, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01: the
    training set of each lies in that of the one before, so curves over these ratios differ by the
    images that are added alone. That of any other ratio is sampled from the next greater of them,
    and need not hold the smaller ones. As training sets grow, test sets shrink: the test set of
    the greatest ratio lies in all the others, and is one that all can be compared on.

    Args:
        labels: (N, C) of 0 and 1, such as `label_matrix` gives, C at least 2.
        class_names: C names, for messages and `classes_without_positive`.
        ratio: part of the images to train on, in (0, 1]; classes come before the exact number,
            which can be some images off.
        seed: of the sample, 0 to 2^32 - 1.
        every_class: refuse a split in which a class has no image to train on.

    Raises:
        UserError: the labels have another shape, the ratio or the seed is out of range, no image
            would be sampled, or a class would go without where `every_class` forbids it.

    References:
        Sechidis, Tsoumakas and Vlahavas 2011, "On the Stratification of Multi-Label Data",
        section 3 (iterative stratification).

    Example:
        >>> labels = np.tile([[1, 0], [0, 1], [1, 1], [0, 0]], (25, 1))
        >>> split = sample_split(labels, ["cat", "dog"], ratio=0.2, seed=0)
        >>> labels[split.train].sum(axis=0).tolist(), len(split.test)
        ([10, 10], 80)
    """
    labels = np.asarray(labels)
    _check(labels, class_names, ratio, seed)
    train = np.arange(len(labels))
    for step in [*(rung for rung in _LADDER if rung > ratio), ratio]:
        train = _sample(train, labels, round(step * len(labels)), seed)
    if not len(train):
        raise UserError(
            f"ratio {ratio} of {len(labels)} images is none to train on; give a greater one, or "
            "more images."
        )
    missing = _missing(labels, train, class_names)
    if every_class and missing:
        raise UserError(
            f"ratio {ratio} of {len(labels)} images with seed {seed} leaves {len(missing)} of the "
            f"{len(class_names)} classes without an image to train on "
            f"({', '.join(map(repr, missing[:5]))}{', ...' * (len(missing) > 5)}); give a greater "
            "ratio, or leave these classes out."
        )
    return MultilabelSplit(train, np.setdiff1d(np.arange(len(labels)), train), missing)


def _check(labels: np.ndarray, class_names: Sequence[str], ratio: float, seed: int) -> None:
    if labels.ndim != 2 or labels.shape[1] < 2 or labels.shape[1] != len(class_names):
        raise UserError(
            f"labels have the shape {labels.shape} and there are {len(class_names)} class names; "
            "expected (N, C) and C names, C at least 2."
        )
    if not 0 < ratio <= 1:
        raise UserError(f"the ratio is {ratio}; expected more than 0 and at most 1, such as 0.02.")
    if not 0 <= seed < 2**32:
        raise UserError(f"the seed is {seed}; expected 0 to {2**32 - 1}.")


def _sample(rows: np.ndarray, labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """About `size` of the rows, in order; all of them where there are no more."""
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

    if not 0 < size < len(rows):
        return rows[:size]
    splitter = MultilabelStratifiedShuffleSplit(
        n_splits=1,
        train_size=size,
        test_size=len(rows) - size,  # pyright: ignore[reportArgumentType] (only "default" is seen)
        random_state=seed,
    )
    sampled, _ = next(splitter.split(rows, labels[rows] > 0))
    return rows[sampled]


def _missing(labels: np.ndarray, train: np.ndarray, class_names: Sequence[str]) -> tuple[str, ...]:
    columns = np.flatnonzero(~(labels[train] > 0).any(axis=0))
    return tuple(class_names[column] for column in columns.tolist())
