"""Which folders are splits by their names: `train`, `Test`, `valid`, `seg_train`, `test1`."""

import re
from collections import Counter
from collections.abc import Collection

_SPLIT_OF = (
    dict.fromkeys("train training trainset trn".split(), "train")
    | dict.fromkeys("val valid validation validset valset validate dev development".split(), "val")
    | dict.fromkeys("test testing testset tst eval evaluation holdout heldout".split(), "test")
)
_SPLITS = {"train": "train", "val": "validation", "test": "test"}
# What may stand beside such a word without giving the name another meaning.
_PLAIN_WORDS = frozenset(
    "set data dataset ds images image imgs img pics pictures photos split folder dir jpg jpeg png "
    "seg raw labeled labelled cropped resized small full original orig".split()
)


def split_of(name: str) -> str | None:
    """The split that a folder's name alone stands for: train, validation, test, or None.

    Example:
        >>> [split_of(name) for name in ("Training", "val2017", "test_set", "freight_train")]
        ['train', 'validation', 'test', None]
    """
    split, rest = _parsed(name)
    return split if not rest - _PLAIN_WORDS else None


def split_names(names: Collection[str]) -> dict[str, str]:
    """Finds the splits among folders that lie side by side.

    A name with other words, such as `asl_alphabet_train`, is a split where all folders have the
    same other words; `freight_train` beside `car` is none.

    Args:
        names: of all the folders.

    Returns:
        Folder -> split, of those that are splits. Two folders of one split keep their own names in
        small letters, such as `dev` beside `val`.

    Example:
        >>> split_names(["Train", "valid", "Test"])
        {'Train': 'train', 'valid': 'validation', 'Test': 'test'}
        >>> split_names(["letters_train", "letters_test"])
        {'letters_train': 'train', 'letters_test': 'test'}
        >>> split_names(["car", "train"])
        {'train': 'train'}
    """
    parsed = {name: _parsed(name) for name in names}
    splits = {name: split for name, (split, _) in parsed.items()}
    alike = len({rest for _, rest in parsed.values()}) == 1 and len(set(splits.values())) > 1
    if not (alike and None not in splits.values()):
        splits = {name: split_of(name) for name in names}
    found = {name: split for name, split in splits.items() if split}
    shared = {split for split, count in Counter(found.values()).items() if count > 1}
    return {name: name.lower() if split in shared else split for name, split in found.items()}


def _parsed(name: str) -> tuple[str | None, frozenset[str]]:
    """The split, if one word says so, and the other words."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    keys = [_SPLIT_OF[word] for word in words if word in _SPLIT_OF]
    if len(set(keys)) != 1:
        return None, frozenset(words)
    return _SPLITS[keys[0]], frozenset(word for word in words if word not in _SPLIT_OF)
