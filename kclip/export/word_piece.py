"""A BERT vocabulary as a `tokenizer.json` of Hugging Face's `tokenizers`."""

from typing import Any


def word_piece_definition(
    tokenizer: Any,
    pre_tokenizer: dict[str, Any],
    normalizer: dict[str, Any] | None = None,
    added_tokens: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Puts [CLS] and [SEP] around the word pieces of a text.

    Args:
        tokenizer: `keras_hub.models.BertTokenizer`.
        pre_tokenizer: what splits a text into words.
        normalizer: what is done to a text before; None: nothing.
        added_tokens: tokens that are found in a text as they are; None: none.

    Returns:
        The content of the file.
    """
    ids = {word: number for number, word in enumerate(tokenizer.get_vocabulary())}
    start, end = ({"SpecialToken": {"id": token, "type_id": 0}} for token in ("[CLS]", "[SEP]"))
    first, second = ({"Sequence": {"id": name, "type_id": n}} for n, name in enumerate("AB"))
    return {
        "version": "1.0",
        "added_tokens": added_tokens or [],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, first, end],
            "pair": [start, first, end, second, end],
            "special_tokens": {
                token: {"id": token, "ids": [ids[token]], "tokens": [token]}
                for token in ("[CLS]", "[SEP]")
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": ids,
        },
    }
