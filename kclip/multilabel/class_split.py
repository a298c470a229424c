"""Which classes training has seen labels of, and which it has not."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kclip.data.sources.text_files import read_list
from kclip.errors import UserError

SEEN_FILE, UNSEEN_FILE = "seen_classes.txt", "unseen_classes.txt"


@dataclass(frozen=True)
class ClassSplit:
    """Classes in the order of scores: the seen ones, then the unseen ones.

    Raises:
        UserError: there is no class, or one is listed twice.

    Example:
        >>> ClassSplit(("dog",), ("yak",)).seen_mask.tolist()
        [True, False]
    """

    seen: tuple[str, ...]
    unseen: tuple[str, ...] = ()

    def __post_init__(self):
        """Checks the names."""
        if not self.class_names:
            raise UserError("there is no class; give at least one class name")
        if len(set(self.class_names)) < len(self.class_names):
            twice = next(name for name in self.class_names if self.class_names.count(name) > 1)
            raise UserError(
                f"the class {twice!r} is listed twice; list each class once, as seen or as unseen"
            )

    @property
    def class_names(self) -> list[str]:
        """The C names."""
        return [*self.seen, *self.unseen]

    @property
    def seen_mask(self) -> np.ndarray:
        """(C,) bool."""
        return np.arange(len(self.class_names)) < len(self.seen)

    def among(self, names: Iterable[str]) -> "ClassSplit":
        """Returns other classes, seen where they are among the seen ones of this split."""
        names = list(names)
        return ClassSplit(
            tuple(name for name in names if name in self.seen),
            tuple(name for name in names if name not in self.seen),
        )


def read_class_split(
    data: Path | None, seen_file: Path | None, unseen_file: Path | None
) -> ClassSplit | None:
    """Reads lists of classes, one name a line.

    Args:
        data: a folder of TFRecords; without a file its `seen_classes.txt` and
            `unseen_classes.txt` are read, where there are such.
        seen_file: the seen classes, or None.
        unseen_file: the unseen classes, or None.

    Returns:
        The classes, or None where nothing lists them.

    Raises:
        UserError: a file can't be read, or a class is listed twice.
    """
    if data and not (seen_file or unseen_file):
        seen_file, unseen_file = (
            data / name if (data / name).is_file() else None for name in (SEEN_FILE, UNSEEN_FILE)
        )
    if not (seen_file or unseen_file):
        return None
    seen, unseen = (read_list(path) if path else [] for path in (seen_file, unseen_file))
    return ClassSplit(tuple(seen), tuple(unseen))
