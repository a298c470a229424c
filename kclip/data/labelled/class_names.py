"""The names of classes: how a class is called in the data, and how in words."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from kclip.data.sources.text_files import read_list
from kclip.errors import UserError

# The folders of Animals-10, a data set of Kaggle.
ANIMALS10 = {
    "cane": "dog",
    "cavallo": "horse",
    "elefante": "elephant",
    "farfalla": "butterfly",
    "gallina": "chicken",
    "gatto": "cat",
    "mucca": "cow",
    "pecora": "sheep",
    "ragno": "spider",
    "scoiattolo": "squirrel",
}


def read_class_names(path: Path) -> dict[str, tuple[str, ...]]:
    r"""Reads a text file of one class a line: `label: name, synonym, ...`, or `name, synonym, ...`.

    The label is what the data set calls the class, such as the folder `n01440764`; without one the
    first name is the label. Empty lines and lines that start with # don't count.

    Returns:
        Label -> one name or more, in the order of the file.

    Raises:
        UserError: the file can't be read, holds no class, a class twice, or a class without name.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "classes.txt"
        >>> _ = path.write_text("cane: dog, puppy\ncat\n")
        >>> read_class_names(path)
        {'cane': ('dog', 'puppy'), 'cat': ('cat',)}
    """
    classes: dict[str, tuple[str, ...]] = {}
    for line in read_list(path):
        if line.startswith("#"):
            continue
        label, names = _parse(line)
        if not names:
            raise UserError(f"{path}: the line {line!r} has no name; write 'label: name, synonym'.")
        if label in classes:
            raise UserError(f"{path} names the class {label!r} twice; keep one line for each.")
        classes[label] = names
    if not classes:
        raise UserError(f"{path} holds no class; write one a line, as 'label: name, synonym'.")
    return classes


def shown_names(classes: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Returns what tables call each class: its first name, with its label where two share one.

    Example:
        >>> shown_names({"n02012849": ("crane",), "n03126707": ("crane",), "n01440764": ("tench",)})
        ('crane (n02012849)', 'crane (n03126707)', 'tench')
    """
    first = [names[0] for names in classes.values()]
    return tuple(
        name if first.count(name) == 1 else f"{name} ({label})"
        for label, name in zip(classes, first, strict=True)
    )


def _parse(line: str) -> tuple[str, tuple[str, ...]]:
    label, colon, text = line.partition(":")
    names = re.split(r"\s*,\s*", (text if colon else line).strip())
    names = tuple(dict.fromkeys(name for name in names if name))
    return (label.strip() if colon else next(iter(names), "")), names
