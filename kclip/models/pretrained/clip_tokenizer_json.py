"""CLIP's `vocab.json` and `merges.txt` as a `tokenizer.json`."""

_START, _END = "<|startoftext|>", "<|endoftext|>"
_WORDS = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


def clip_definition(vocabulary, merges):
    """The definition that transformers makes of the two files.

    Args:
        vocabulary: dict of token to id.
        merges: "a b" strings, or pairs; blank lines and the version's are passed over.

    Returns:
        A dict that `tokenizers` reads.

    Raises:
        KeyError: the vocabulary lacks the token at a text's start or end.
    """
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    pairs = [pair for pair in pairs if len(pair) == 2 and pair[0] != "#version:"]
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    ends = [
        {"id": vocabulary[token], "content": token, **flags, "special": True}
        for token in (_START, _END)
    ]
    split = {"type": "Split", "pattern": {"Regex": _WORDS}, "behavior": "Removed", "invert": True}
    spaces = {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "version": "1.0",
        "added_tokens": ends,
        "normalizer": {
            "type": "Sequence",
            "normalizers": [{"type": "NFC"}, spaces, {"type": "Lowercase"}],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [split, byte_level | {"use_regex": True}],
        },
        "post_processor": clip_ends(vocabulary),
        "decoder": byte_level | {"add_prefix_space": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "unk_token": _END,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>",
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": vocabulary,
            "merges": pairs,
        },
    }


def clip_ends(vocabulary):
    """The part of a definition that puts CLIP's tokens around a text."""
    return {
        "type": "RobertaProcessing",
        "sep": [_END, vocabulary[_END]],
        "cls": [_START, vocabulary[_START]],
        "trim_offsets": False,
        "add_prefix_space": False,
    }
