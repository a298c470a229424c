"""The tokenizer of a text tower that is no CLIP's in the files that transformers reads."""

import json
from typing import Any

import keras_hub
from tokenizers import Tokenizer

from kclip.errors import UserError
from kclip.export.word_piece import word_piece_definition
from kclip.models import DualEncoderPreprocessor, HuggingFaceTokenizer


def pair_tokenizer(
    preprocessor: DualEncoderPreprocessor,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    """Makes the files of a preprocessor's tokenizer.

    Returns:
        The content of `tokenizer.json`, that of `tokenizer_config.json`, and `pad_token_id` for
        the model's config.

    Raises:
        UserError: it is a tokenizer of KerasHub other than BERT's, which has no such file.
    """
    ours: Any = preprocessor.tokenizer
    if isinstance(ours, HuggingFaceTokenizer):
        definition = json.loads(str(ours.definition))
    elif isinstance(ours, keras_hub.models.BertTokenizer):
        definition = _bert_definition(ours)
    else:
        raise UserError(
            f"KerasHub's {type(ours).__name__} cannot be written as a tokenizer.json; train from a "
            "Hugging Face folder of the same text tower, which brings one"
        )
    definition["truncation"] = definition["padding"] = None  # transformers sets them by itself
    padding = ours.pad_token_id
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",  # others make a normalizer of their own
        "processor_class": "VisionTextDualEncoderProcessor",
        "model_max_length": preprocessor.sequence_length,
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
        "pad_token": Tokenizer.from_str(json.dumps(definition)).id_to_token(padding),
    }
    return definition, config, {"pad_token_id": padding}


def _bert_definition(tokenizer: Any) -> dict[str, Any]:
    """As transformers writes it: text and special tokens by the rules of `tokenizers` itself."""
    ids = {word: number for number, word in enumerate(tokenizer.get_vocabulary())}
    special = [token for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") if token in ids]
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    normalizer = {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": tokenizer.strip_accents,
        "lowercase": tokenizer.lowercase,
    }
    added = [{"id": ids[token], "content": token, **flags, "special": True} for token in special]
    return word_piece_definition(tokenizer, {"type": "BertPreTokenizer"}, normalizer, added)
