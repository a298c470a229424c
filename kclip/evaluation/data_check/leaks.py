"""What looks wrong with copies: leaks between splits, and copies that contradict each other."""

from collections.abc import Mapping, Sequence

from kclip.data.copies.listing import ListedCopy, count_shared
from kclip.data.copies.search import SAME_FILE, SAME_PIXELS
from kclip.evaluation.data_check.findings import (
    NOTE,
    SERIOUS,
    WARNING,
    Finding,
    counted,
    make_finding,
)

MAX_SHARED = 0.01  # of the images; data sets that people collect have a few copies


def check_copies(
    listed: Sequence[ListedCopy], split_sizes: Mapping[str, int], labels: Sequence[Sequence[str]]
) -> list[Finding]:
    """Checks the copies among N images.

    Args:
        listed: of `list_copies`.
        split_sizes: images in each split.
        labels: of each of the N images, perhaps none.
    """
    return (
        _leaks(listed, split_sizes) + _contradictions(listed, labels) + _within(listed, split_sizes)
    )


def contradicting_copies(
    listed: Sequence[ListedCopy], labels: Sequence[Sequence[str]]
) -> list[ListedCopy]:
    """Images that equal another (file or pixels) and have other labels than that one.

    Example:
        >>> from kclip.data.copies.listing import list_copies
        >>> from kclip.data.copies.search import CopyPair
        >>> rows = list_copies(["a", "b"], ["train"] * 2, [CopyPair(0, 1, "same file")])
        >>> [copy.file_name for copy in contradicting_copies(rows, [["dog"], ["cat"]])]
        ['b']
    """
    return [
        copy
        for copy in listed
        if copy.kind in (SAME_FILE, SAME_PIXELS)
        and labels[copy.row]
        and labels[copy.copy_row]
        and set(labels[copy.row]) != set(labels[copy.copy_row])
    ]


def _leaks(listed: Sequence[ListedCopy], split_sizes: Mapping[str, int]) -> list[Finding]:
    findings = []
    for (split, other), count in count_shared(listed).items():
        if split == "train" or (other != "train" and split > other):
            continue  # said once, of the split that is measured on
        groups = {c.group for c in listed if c.split == split}
        groups &= {c.group for c in listed if c.split == other}
        shown = [copy for copy in listed if copy.group in groups and copy.split in (split, other)]
        findings.append(
            make_finding(
                "copies across splits",
                SERIOUS if count > MAX_SHARED * split_sizes[split] else WARNING,
                f"{counted(count, 'image')} of the {split_sizes[split]:,} of {split} "
                f"{'has a copy' if count == 1 else 'have copies'} in {other}.",
                "Figures on them are too high; leave them out of one side, or sample the split by "
                "build_tfrecords --validation-fraction, which keeps copies together.",
                [_in_words(copy) for copy in shown if copy.copy_of],
                [copy.row for copy in shown],
            )
        )
    return findings


def _contradictions(listed: Sequence[ListedCopy], labels: Sequence[Sequence[str]]) -> list[Finding]:
    copies = contradicting_copies(listed, labels)
    if not copies:
        return []
    return [
        make_finding(
            "contradicting labels",
            SERIOUS if len(copies) > MAX_SHARED * sum(map(bool, labels)) else WARNING,
            f"{counted(len(copies), 'image')} with other labels than an equal image.",
            "Decide for one of them; a model can't learn both.",
            [
                f"{copy.file_name}: {', '.join(labels[copy.row])}; "
                f"{copy.copy_of}: {', '.join(labels[copy.copy_row])}"
                for copy in copies
            ],
            [row for copy in copies for row in (copy.copy_row, copy.row)],
        )
    ]


def _within(listed: Sequence[ListedCopy], split_sizes: Mapping[str, int]) -> list[Finding]:
    own = [copy for copy in listed if not copy.shared]
    more = sum(1 for copy in own if copy.copy_of)
    if not more:
        return []
    total = sum(split_sizes.values())
    return [
        make_finding(
            "copies within a split",
            WARNING if more > MAX_SHARED * total else NOTE,
            f"{counted(more, 'image')} of {total:,} "
            f"{'is a copy of another' if more == 1 else 'are copies of others'} in the same split.",
            "They count several times in training and in every figure; keep one of each.",
            [_in_words(copy) for copy in own if copy.copy_of],
            [copy.row for copy in own],
        )
    ]


def _in_words(copy: ListedCopy) -> str:
    return f"{copy.file_name} ({copy.split}) and {copy.copy_of}: {copy.kind}"
