"""What a model's tokenizer makes of class names and captions."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kclip.evaluation.data_check.findings import (
    NOTE,
    SERIOUS,
    WARNING,
    Finding,
    counted,
    make_finding,
)

CLIP_LENGTH, DEFAULT_LENGTH = 77, 32  # tokens that CLIP reads, and kclip's own models by default
_ENDS = 2  # tokens before and after a text
MANY = 0.05  # of the captions


@dataclass(frozen=True)
class TextReader:
    """How a model reads texts.

    Attributes:
        tokenize: from texts to the tokens of each, all of them, those of start and end as well.
        length: tokens of a text that the model reads; later ones are cut off.
        name: of the model, for messages.
    """

    tokenize: Callable[[Sequence[str]], list[tuple[int, ...]]]
    length: int
    name: str


def same_tokens(names: Sequence[str], tokens: Sequence[tuple[int, ...]]) -> list[list[str]]:
    """Names that are the same tokens, in groups.

    Example:
        >>> same_tokens(["Dog", "dog", "cat"], [(1, 7, 2), (1, 7, 2), (1, 8, 2)])
        [['Dog', 'dog']]
    """
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, row in zip(names, tokens, strict=True):
        groups.setdefault(row, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def least_tokens(text: str) -> int:
    """A count that no tokenizer of BERT or CLIP stays below: words, marks, start and end.

    Example:
        >>> least_tokens("A dog, running.")
        7
    """
    return len(re.findall(r"[^\W_]+|_+|[^\w\s]", text)) + _ENDS


def check_tokens(
    class_names: Sequence[str], captions: Sequence[str], reader: TextReader | None
) -> list[Finding]:
    """Checks texts as a model reads them.

    Args:
        class_names: each once.
        captions: all of them.
        reader: of a model. Without one only captions that are too long for the usual models,
            whatever their vocabulary, are found.
    """
    if reader is None:
        lengths = [least_tokens(text) for text in captions]
        return _long(captions, lengths, DEFAULT_LENGTH, "a model of kclip by default") + _long(
            captions, lengths, CLIP_LENGTH, "CLIP"
        )
    rows = reader.tokenize(captions)
    lengths = [len(row) for row in rows]
    names = reader.tokenize(class_names)
    return _names(class_names, names, reader) + _long(captions, lengths, reader.length, reader.name)


def _names(
    class_names: Sequence[str], tokens: Sequence[tuple[int, ...]], reader: TextReader
) -> list[Finding]:
    groups = same_tokens(class_names, [row[: reader.length - 1] for row in tokens])
    if not groups:
        return []
    return [
        make_finding(
            "equal tokens",
            SERIOUS,
            f"{counted(len(groups), 'group')} of class names that are the same tokens to "
            f"{reader.name}.",
            "It gives them equal scores; rename them, by evaluate_zero_shot --classes for example.",
            [" / ".join(group) for group in groups],
        )
    ]


def _long(captions: Sequence[str], lengths: Sequence[int], limit: int, name: str) -> list[Finding]:
    long = [row for row, length in enumerate(lengths) if length > limit]
    if not long:
        return []
    return [
        make_finding(
            "long text",
            WARNING if len(long) > MANY * len(captions) else NOTE,
            f"{counted(len(long), 'caption')} of {len(captions):,} with more than the {limit} "
            f"tokens that {name} reads.",
            "The rest of each is cut off; give train_dual_encoder a greater "
            "--text.sequence-length, or shorten them.",
            [f"{lengths[row]} tokens: {captions[row]}" for row in long],
        )
    ]
