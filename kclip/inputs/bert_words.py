"""The words that KerasHub's BERT tokenizer splits a text into, by Python's own tables."""

import unicodedata
from collections.abc import Iterator

# Between words: no word holds it, since control characters part words. A blank may stand in one:
# of a no-break space that case folding has replaced.
WORD_END = "\n"
_MAX_BYTES = 100  # TensorFlow Text takes a longer word for an unknown one
_UNKNOWN = "x" * (_MAX_BYTES + 1)
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
# Unicode's Default_Ignorable_Code_Point
_IGNORABLE = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8)),
    *((0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)


def bert_words(text: str, lowercase: bool, strip_accents: bool) -> str:
    """Splits a text as `keras_hub.models.BertTokenizer` does before it looks for word pieces.

    Args:
        text: any string.
        lowercase: whether words are case-folded, in compatibility form (NFKC).
        strip_accents: whether a letter's accents are left out.

    Returns:
        The words, each followed by `WORD_END`; one of more than 100 bytes as a word of more than
        100 letters, which no vocabulary holds.

    Example:
        >>> bert_words("Caf\u00e9, s'il", lowercase=True, strip_accents=True).split(WORD_END)
        ['cafe', ',', 's', "'", 'il', '']
    """
    if strip_accents:
        text = unicodedata.normalize("NFD", _apart(text))
        text = "".join(letter for letter in text if unicodedata.category(letter) != "Mn")
    words = [_folded(word) if lowercase else word for word in _words(text)]
    words = [_UNKNOWN if len(word.encode()) > _MAX_BYTES else word for word in words]
    return "".join(word + WORD_END for word in words if word)


def _apart(text: str) -> str:
    """Chinese characters as words, before compatibility characters become other ones."""
    return "".join(f" {letter} " if _within(letter, _CJK) else letter for letter in text)


def _words(text: str) -> Iterator[str]:
    word = ""
    for letter in text:
        kind = unicodedata.category(letter)
        alone = letter in _ASCII_PUNCTUATION or kind[0] == "P" or _within(letter, _CJK)
        if not alone and letter != " " and kind not in ("Cc", "Cf"):
            word += letter
            continue
        if word:
            yield word
        if alone:
            yield letter
        word = ""
    if word:
        yield word


def _folded(word: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    return "".join(letter for letter in folded if not _within(letter, _IGNORABLE))


def _within(letter: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    number = ord(letter)
    return number >= 0xAD and any(low <= number <= high for low, high in ranges)
