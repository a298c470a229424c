"""Labels as the matrices that multi-label losses and metrics take."""

from collections.abc import Iterable, Sequence

import numpy as np

from kclip.data.image_record import UNKNOWN
from kclip.errors import UserError


def label_matrix(labels: Iterable[Iterable[str]], class_names: Sequence[str]) -> np.ndarray:
    """Says which of the classes each image has; labels of other classes are left aside.

    Args:
        labels: the names of N images' labels, such as `iterate_labels` gives.
        class_names: C names, each once.

    Returns:
        (N, C) uint8 of 0 and 1.

    Raises:
        UserError: a class is listed twice, or no image has any of the classes.

    Example:
        >>> label_matrix([["dog", "snow"], ["cat"]], ["cat", "dog"]).tolist()
        [[0, 1], [1, 0]]
    """
    matrix = _named(labels, class_names)
    if not matrix.any():
        raise UserError(
            f"none of the {len(matrix)} images has a label among the {len(class_names)} classes "
            f"({', '.join(map(repr, class_names[:3]))}, ...); names must be spelled alike in both"
        )
    return matrix.astype(np.uint8)


def valid_mask_matrix(ignored: Iterable[Iterable[str]], class_names: Sequence[str]) -> np.ndarray:
    """Says which answers count, as `metrics.multilabel` takes it for `valid_mask`.

    Args:
        ignored: the names of N images' ignored labels, such as `iterate_ignored_labels`
            gives; `*` (`image_record.UNKNOWN`) stands for all classes.
        class_names: C names, each once.

    Returns:
        (N, C) bool, False where a class is ignored in an image, and in all of a row where nothing
        is known of the image.

    Raises:
        UserError: a class is listed twice.

    Example:
        >>> valid_mask_matrix([["dog"], [], ["*"]], ["cat", "dog"]).tolist()
        [[True, False], [True, True], [False, False]]
    """
    ignored = [class_names if UNKNOWN in names else names for names in ignored]
    return ~_named(ignored, class_names)


def _named(labels: Iterable[Iterable[str]], class_names: Sequence[str]) -> np.ndarray:
    """(N, C) bool: whether an image's names have a class among them."""
    columns = {name: column for column, name in enumerate(class_names)}
    if len(columns) < len(class_names):
        twice = next(name for name in class_names if list(class_names).count(name) > 1)
        raise UserError(f"the class {twice!r} is listed twice; list each class once")
    rows = [[columns[name] for name in names if name in columns] for names in labels]
    matrix = np.zeros((len(rows), len(columns)), bool)
    for row, found in enumerate(rows):
        matrix[row, found] = True
    return matrix
