"""What is done to a text before it is split into tokens, by the name that a config keeps."""

import html
import string
from collections.abc import Callable

from kclip.inputs.bert_words import bert_words

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def fixed(text: str) -> str:
    """Mojibake fixed, HTML entities as their characters, single spaces (open_clip)."""
    import ftfy  # here, since most models do without

    return single_spaces(html.unescape(html.unescape(ftfy.fix_text(text))))


def fixed_lower(text: str) -> str:
    """What OpenAI does: `fixed`, in lower case."""
    return fixed(text).lower()


def canonical(text: str) -> str:
    """What open_clip's SigLIP does: `fixed`, underscores as spaces, lower case, no punctuation."""
    return siglip(fixed(text).replace("_", " "))


def siglip(text: str) -> str:
    """What transformers' SiglipTokenizer does: lower case, no punctuation, single spaces."""
    return single_spaces(text.lower().translate(_NO_PUNCTUATION))


def single_spaces(text: str) -> str:
    """Every run of white space as one space, none at the ends."""
    return " ".join(text.split())


CLEANINGS: dict[str, Callable[[str], str]] = {
    "none": str,
    "lower": str.lower,
    "fixed": fixed,
    "fixed_lower": fixed_lower,
    "canonical": canonical,
    "siglip": siglip,
}
# Those of KerasHub's BERT tokenizer, after which a text is words already.
WORD_CLEANINGS: dict[str, Callable[[str], str]] = {
    "bert": lambda text: bert_words(text, False, False),
    "bert_lower": lambda text: bert_words(text, True, False),
    "bert_strip": lambda text: bert_words(text, False, True),
    "bert_lower_strip": lambda text: bert_words(text, True, True),
}
# What leaves added tokens as they are; open_clip cleans a text before it looks for any.
AROUND_TOKENS = {"lower", "siglip"}
