"""Combinations of classes, and what they are called in a prompt."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, islice
from math import comb
from typing import Protocol

import numpy as np

from kclip.errors import UserError
from kclip.zero_shot.prompts import fill

NOTHING = "nothing"


class PromptWriter(Protocol):
    """Turns combinations of class names into prompts."""

    def __call__(self, combinations: Sequence[Sequence[str]]) -> list[str]:
        """Returns one prompt for each combination, which has one name at least."""
        ...


def list_names(combinations: Iterable[Sequence[str]]) -> list[str]:
    """Names the classes one after the other, "without using templates or embellishments".

    MMM-CLIP, "Multi-method to Prompt CLIP" (2). The empty combination is called "nothing".

    Example:
        >>> list_names([("dog", "fire_truck"), ()])
        ['dog, fire truck', 'nothing']
    """
    return [", ".join(fill("{}", name) for name in names) or NOTHING for names in combinations]


def num_combinations(num_classes: int, most_labels: int) -> int:
    """Returns how many combinations have at most `most_labels` classes, the empty one included.

    Example:
        >>> num_combinations(10, 10), num_combinations(102, 2)
        (1024, 5254)
    """
    if most_labels == num_classes:
        return 2**num_classes
    return sum(comb(num_classes, size) for size in range(most_labels + 1))


def combination_chunks(
    num_classes: int, most_labels: int, chunk_size: int
) -> Iterator[list[tuple[int, ...]]]:
    """Yields all combinations of class numbers, small ones first, `chunk_size` at a time.

    Example:
        >>> list(combination_chunks(2, 2, 3))
        [[(), (0,), (1,)], [(0, 1)]]
    """
    sizes = range(most_labels + 1)
    every = chain.from_iterable(combinations(range(num_classes), size) for size in sizes)
    while chunk := list(islice(every, chunk_size)):
        yield chunk


def membership(combinations: Sequence[Sequence[int]], num_classes: int) -> np.ndarray:
    """Says which classes each combination has.

    Args:
        combinations: K tuples of class numbers.
        num_classes: C.

    Returns:
        (K, C) bool.

    Example:
        >>> membership([(), (0, 2)], 3).tolist()
        [[False, False, False], [True, False, True]]
    """
    members = np.zeros((len(combinations), num_classes), bool)
    rows = np.repeat(np.arange(len(combinations)), [len(classes) for classes in combinations])
    members[rows, list(chain.from_iterable(combinations))] = True
    return members


def checked_classes(
    class_names: Sequence[str], most_labels: int | None = None
) -> tuple[tuple[str, ...], int]:
    """Returns the names and how many of them a combination may hold, all where None was asked.

    Raises:
        UserError: there is no class, one comes twice, or `most_labels` is not in [1, C].
    """
    names = tuple(class_names)
    if not names or len(set(names)) < len(names):
        raise UserError(
            f"got {len(names)} classes, {len(set(names))} of them different; give at least one "
            "class, and each once"
        )
    most = len(names) if most_labels is None else most_labels
    if not 1 <= most <= len(names):
        raise UserError(f"most_labels must be in 1 to {len(names)} (the classes), got {most}")
    return names, most
