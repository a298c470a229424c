"""What looks wrong with captions."""

import re
from collections import Counter
from collections.abc import Sequence

from kclip.evaluation.data_check.findings import (
    NOTE,
    SERIOUS,
    WARNING,
    Finding,
    counted,
    make_finding,
)

# What tables and scripts write where there is no caption.
NO_CAPTIONS = frozenset(("nan", "none", "null", "n/a", "na", "nil", "undefined", "<unk>"))
COMMON = 0.01  # of the images: a caption that so many share is worth a look
SERIOUSLY_COMMON = 0.1
LEAST_COMMON = 5  # images; in small sets a few per cent are nothing


def normalized(caption: str) -> str:
    """The caption without what makes no difference: capitals, spaces, a full stop at its end.

    Example:
        >>> normalized("A  dog runs .") == normalized("a dog runs")
        True
    """
    return " ".join(caption.casefold().split()).rstrip(" .")


def has_no_words(caption: str) -> bool:
    """Whether a caption says nothing: it has no letter or digit, or stands for a missing value.

    Example:
        >>> [has_no_words(text) for text in ("", " - ", "NaN", "a nun")]
        [True, True, True, False]
    """
    return not re.search(r"\w", caption) or caption.strip().casefold() in NO_CAPTIONS


def images_with_repeats(captions: Sequence[Sequence[str]]) -> list[int]:
    """Rows of images that have one caption more than once.

    Example:
        >>> images_with_repeats([["a dog", "A dog."], ["a dog", "a cat"]])
        [0]
    """
    return [
        row
        for row, own in enumerate(captions)
        if len({normalized(text) for text in own}) < len(own)
    ]


def common_captions(captions: Sequence[Sequence[str]]) -> list[tuple[str, int]]:
    """Captions that more than one image has, with the number of images, most common first.

    Example:
        >>> common_captions([["a dog"], ["A dog.", "a cat"], ["a cow"]])
        [('a dog', 2)]
    """
    counts = Counter(text for own in captions for text in {normalized(text) for text in own})
    return [(text, count) for text, count in counts.most_common() if count > 1]


def check_captions(captions: Sequence[Sequence[str]], names: Sequence[str]) -> list[Finding]:
    """Checks the captions of N images.

    Args:
        captions: of each image, perhaps none.
        names: of the images.
    """
    if not any(captions):
        return []
    findings = []
    bare = [row for row, own in enumerate(captions) if not own]
    if bare:
        findings.append(
            make_finding(
                "no caption",
                WARNING,
                f"{counted(len(bare), 'image')} of {len(captions):,} without a caption.",
                "Contrastive training can't use them; write captions, or leave the images out.",
                [names[row] for row in bare],
                bare,
            )
        )
    empty = [(row, text) for row, own in enumerate(captions) for text in own if has_no_words(text)]
    if empty:
        findings.append(
            make_finding(
                "empty caption",
                SERIOUS,
                f"{counted(len(empty), 'caption')} without a word, such as {empty[0][1]!r}.",
                "Take them out of the table: each is trained on as if it described its image.",
                [f"{names[row]}: {text!r}" for row, text in empty],
                [row for row, _ in empty],
            )
        )
    return findings + _repeated(captions, names) + _common(captions, names)


def _repeated(captions: Sequence[Sequence[str]], names: Sequence[str]) -> list[Finding]:
    rows = images_with_repeats(captions)
    if not rows:
        return []
    level = WARNING if len(rows) > COMMON * len(captions) else NOTE
    return [
        make_finding(
            "caption repeated",
            level,
            f"{counted(len(rows), 'image')} of {len(captions):,} with the same caption twice.",
            "It counts double in training; leave one out.",
            [names[row] for row in rows],
            rows,
        )
    ]


def _common(captions: Sequence[Sequence[str]], names: Sequence[str]) -> list[Finding]:
    common = common_captions(captions)
    if not common:
        return []
    text, count = common[0]
    fraction = count / sum(1 for own in captions if own)
    level = NOTE
    if count >= LEAST_COMMON and fraction >= COMMON:
        level = SERIOUS if fraction >= SERIOUSLY_COMMON else WARNING
    shown = [row for row, own in enumerate(captions) if text in map(normalized, own)]
    return [
        make_finding(
            "caption shared",
            level,
            f"{counted(len(common), 'caption')} shared by several images; the commonest by "
            f"{counted(count, 'image')} ({fraction:.1%}).",
            "Images of one caption can't be told apart by it, in training or in search; describe "
            "what differs.",
            [f"{text}: {counted(n, 'image')}" for text, n in common],
            shown,
        )
    ]
