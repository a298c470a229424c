"""Copies by name: what is a copy of what, and which splits share them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kclip.data.copies.groups import copy_groups
from kclip.data.copies.search import CopyPair
from kclip.files import write_csv

COPIES_FILE = "copies.csv"


@dataclass(frozen=True)
class ListedCopy:
    """One image that has copies.

    Attributes:
        group: number of its group, from 1; groups that lie in several splits come first.
        shared: whether its group lies in several splits.
        split: of the image.
        file_name: of the image.
        copy_of: file name of the nearest of its copies; "" for the first image of a group.
        kind: how it is a copy of that, such as `search.SAME_FILE`.
        row: of the image among all that were compared.
        copy_row: of that copy; -1 for the first image of a group.
    """

    group: int
    shared: bool
    split: str
    file_name: str
    copy_of: str
    kind: str
    row: int
    copy_row: int


def list_copies(
    file_names: Sequence[str], splits: Sequence[str], pairs: Sequence[CopyPair]
) -> list[ListedCopy]:
    """Lists all images that have copies, group by group.

    Args:
        file_names: of N images.
        splits: the split of each.
        pairs: of `search.find_copies` for these images.

    Example:
        >>> names, splits = ["a.jpg", "b.jpg", "c.jpg"], ["train", "train", "test"]
        >>> rows = list_copies(names, splits, [CopyPair(0, 2, "same file")])
        >>> [(row.file_name, row.copy_of, row.kind) for row in rows]
        [('a.jpg', '', ''), ('c.jpg', 'a.jpg', 'same file')]
    """
    file_names, splits = list(file_names), list(splits)
    nearest = _nearest_copies(pairs)
    members: dict[int, list[int]] = {}
    for row, first in enumerate(copy_groups(len(file_names), pairs).tolist()):
        members.setdefault(first, []).append(row)
    groups = [rows for rows in members.values() if len(rows) > 1]
    shared = [len({splits[row] for row in rows}) > 1 for rows in groups]
    listed = []
    for number, which in enumerate(np.argsort(np.logical_not(shared), kind="stable").tolist(), 1):
        for row in groups[which]:
            first = row == groups[which][0]
            copy_row, kind = (-1, "") if first else nearest[row]
            copy_of = "" if first else file_names[copy_row]
            listed.append(
                ListedCopy(
                    number,
                    shared[which],
                    splits[row],
                    file_names[row],
                    copy_of,
                    kind,
                    row,
                    copy_row,
                )
            )
    return listed


def count_shared(listed: Iterable[ListedCopy]) -> dict[tuple[str, str], int]:
    """Counts for each two splits how many images of the first have a copy in the second.

    Example:
        >>> rows = list_copies(["a", "b"], ["train", "test"], [CopyPair(0, 1, "same file")])
        >>> count_shared(rows)
        {('test', 'train'): 1, ('train', 'test'): 1}
    """
    listed = list(listed)
    splits_of: dict[int, set[str]] = {}
    for copy in listed:
        splits_of.setdefault(copy.group, set()).add(copy.split)
    counts = Counter(
        (copy.split, other) for copy in listed for other in splits_of[copy.group] - {copy.split}
    )
    return dict(sorted(counts.items()))


def describe_copies(listed: Sequence[ListedCopy]) -> str:
    """Says in a line how many images have copies, and which splits share them.

    Example:
        >>> rows = list_copies(["a", "b"], ["train", "test"], [CopyPair(0, 1, "same file")])
        >>> describe_copies(rows)
        '2 images in 1 group; 1 image of test has a copy in train'
    """
    if not listed:
        return "none"
    groups = len({copy.group for copy in listed})
    parts = [f"{_images(len(listed))} in {groups:,} group{'s' * (groups > 1)}"]
    for (split, other), count in count_shared(listed).items():
        # Of two splits only the one that is measured on: copies in training raise its figures.
        if other == "train" or (split != "train" and split < other):
            have = "has a copy" if count == 1 else "have copies"
            parts.append(f"{_images(count)} of {split} {have} in {other}")
    return "; ".join(parts)


def write_copies(directory: Path, listed: Iterable[ListedCopy]) -> Path:
    """Writes `copies.csv`, one line an image, and returns its path."""
    path = directory / COPIES_FILE
    rows = (
        (copy.group, "yes" if copy.shared else "no", copy.split, copy.file_name)
        + (copy.copy_of, copy.kind)
        for copy in listed
    )
    header = ("group", "across_splits", "split", "file_name", "copy_of", "kind")
    write_csv(path, header, rows)
    return path


def _nearest_copies(pairs: Sequence[CopyPair]) -> dict[int, tuple[int, str]]:
    """Row -> the copy with the fewest differing bits, and its kind."""
    nearest: dict[int, tuple[int, str]] = {}
    for pair in sorted(pairs, key=lambda pair: pair.bits):
        nearest.setdefault(pair.second, (pair.first, pair.kind))
        nearest.setdefault(pair.first, (pair.second, pair.kind))
    return nearest


def _images(count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)}"
