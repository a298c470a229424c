"""What looks wrong with labels."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from kclip.evaluation.data_check.findings import (
    NOTE,
    SERIOUS,
    WARNING,
    Finding,
    counted,
    make_finding,
)

IMBALANCE = 10.0  # images of the largest class / of the smallest
FEW_IMAGES = 10  # of a class, to train on


def count_labels(
    labels: Sequence[Sequence[str]], splits: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Counts the images of each label in each split: label -> split -> images, labels sorted.

    Example:
        >>> count_labels([["dog"], ["dog", "cat"], []], ["train", "test", "test"])
        {'cat': {'train': 0, 'test': 1}, 'dog': {'train': 1, 'test': 1}}
    """
    names = list(dict.fromkeys(splits))
    counts = Counter(
        (label, split) for own, split in zip(labels, splits, strict=True) for label in set(own)
    )
    found = sorted({label for label, _ in counts})
    return {label: {split: counts[label, split] for split in names} for label in found}


def similar_names(names: Iterable[str]) -> list[list[str]]:
    """Names that differ in capitals, accents, spaces or punctuation alone.

    Example:
        >>> similar_names(["Traffic Light", "traffic_light", "light", "Café", "cafe"])
        [['Café', 'cafe'], ['Traffic Light', 'traffic_light']]
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        letters = unicodedata.normalize("NFKD", name).casefold()
        key = re.sub(r"[\W_]+", "", "".join(c for c in letters if not unicodedata.combining(c)))
        groups.setdefault(key or name, []).append(name)
    return sorted(group for group in groups.values() if len(group) > 1)


def check_classes(labels: Sequence[Sequence[str]], splits: Sequence[str]) -> list[Finding]:
    """Checks the labels of N images.

    Args:
        labels: of each image, perhaps none.
        splits: the split of each.
    """
    counts = count_labels(labels, splits)
    if not counts:
        return []
    findings = []
    groups = similar_names(counts)
    if groups:
        findings.append(
            make_finding(
                "similar class names",
                SERIOUS,
                f"{counted(len(groups), 'class', 'classes')} with several spellings.",
                "Models take each spelling for a class of its own; write them alike.",
                [" / ".join(group) for group in groups],
            )
        )
    return findings + _imbalance(counts) + _absent(counts)


def _imbalance(counts: dict[str, dict[str, int]]) -> list[Finding]:
    # Where nothing is called "train", all there is may be trained on.
    has_train = any("train" in own for own in counts.values())
    sizes = {
        name: own.get("train", 0) if has_train else sum(own.values())
        for name, own in counts.items()
    }
    sizes = {name: size for name, size in sizes.items() if size}
    if len(sizes) < 2:
        return []
    order = sorted(sizes, key=lambda name: sizes[name])
    findings = []
    smallest, largest = sizes[order[0]], sizes[order[-1]]
    if largest > IMBALANCE * smallest:
        findings.append(
            make_finding(
                "class imbalance",
                WARNING,
                f"The largest class, {order[-1]}, has {counted(largest, 'image')}, the smallest, "
                f"{order[0]}, {smallest:,}.",
                "Accuracy then says little; read means over classes, and add images of rare ones.",
                [f"{name}: {sizes[name]:,}" for name in order],
            )
        )
    few = [name for name in order if sizes[name] < FEW_IMAGES]
    if few:
        findings.append(
            make_finding(
                "few images",
                NOTE,
                f"{counted(len(few), 'class', 'classes')} of {len(sizes):,} with less than "
                f"{FEW_IMAGES} images to train on.",
                "Little can be learned of them, and their figures are uncertain.",
                [f"{name}: {sizes[name]:,}" for name in few],
            )
        )
    return findings


def _absent(counts: dict[str, dict[str, int]]) -> list[Finding]:
    splits = next(iter(counts.values()))
    findings = []
    for split in splits if len(splits) > 1 else ():
        absent = [name for name, own in counts.items() if not own[split]]
        if not absent or len(absent) == len(counts):
            continue
        findings.append(
            make_finding(
                "class without images",
                WARNING if split == "train" else NOTE,
                f"{counted(len(absent), 'class', 'classes')} of {len(counts):,} without an image "
                f"in {split}.",
                "Right where they are new classes on purpose; else sample the splits anew."
                if split == "train"
                else "They can't be measured there, and means over classes leave them out.",
                absent,
            )
        )
    return findings
