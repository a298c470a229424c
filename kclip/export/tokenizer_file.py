"""A model's tokenizer as a `tokenizer.json`, which `kclip.inputs.text_tokenizer` reads."""

import json
import logging
from dataclasses import dataclass
from typing import Any

import keras_hub
import numpy as np

from kclip.export.huggingface.sentencepiece import sentencepiece_definition
from kclip.export.word_piece import word_piece_definition
from kclip.inputs.bert_words import WORD_END
from kclip.inputs.text_cleaning import AROUND_TOKENS
from kclip.inputs.text_tokenizer import TextTokenizer
from kclip.models import ClipTokenizer, HuggingFaceTokenizer, SiglipTokenizer
from kclip.models.pretrained.clip_tokenizer_json import clip_definition

_LOG = logging.getLogger(__name__)
# What two tokenizers that differ anywhere differ on.
_PROBES = [
    "",
    " A  Photo,of\ta dog's\u00a0caf\u00e9; \u00df\u0130\ufb01",
    "\u4e2d\u6587\u3000\u200b\u00ad\u2026 ",
    "[SEP] [CLS] <|endoftext|> </s> <pad> ## ##s",
    "\U0001f600 \u00bd \u2460 x\u0308 \u0301 &amp; <b> \x1f\x85\n",
    "snake_case http://a.b/c?d=1 \x00 a",
    "w" * 101,
    "\u0436" * 60,
    "1234567890 " * 80,
]


@dataclass(frozen=True)
class TokenizerFile:
    """A tokenizer for `TextTokenizer`.

    Attributes:
        definition: content of `tokenizer.json`.
        options: the other arguments of `TextTokenizer`.
    """

    definition: str
    options: dict[str, Any]


def tokenizer_file(preprocessor: Any) -> TokenizerFile | None:
    """Makes the file of a preprocessor's tokenizer.

    Args:
        preprocessor: `ClipPreprocessor` or `DualEncoderPreprocessor`.

    Returns:
        None, with a line that says so, where it is of another kind than BERT's WordPiece, CLIP's
        byte pairs, SentencePiece and Hugging Face's, or gives other ids than the preprocessor.
    """
    made = _definition(preprocessor.tokenizer)
    if made is None:
        _LOG.warning(
            "a %s cannot be written as a tokenizer.json: the export takes TensorFlow for texts",
            type(preprocessor.tokenizer).__name__,
        )
        return None
    definition, options = made
    definition["truncation"] = definition["padding"] = None
    options["length"] = preprocessor.sequence_length
    file = TokenizerFile(json.dumps(definition, ensure_ascii=False), options)
    if not _agrees(file, preprocessor):
        _LOG.warning(
            "the tokenizer.json of this model gives other ids than the model itself, and is left "
            "out: the export takes TensorFlow for texts"
        )
        return None
    return file


def _agrees(file: TokenizerFile, preprocessor: Any) -> bool:
    ours = TextTokenizer(file.definition, **file.options)(_PROBES)
    theirs = preprocessor.tokenize(_PROBES)
    return all(np.array_equal(ours[name], np.asarray(theirs[name])) for name in theirs)


def _definition(tokenizer: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    if isinstance(tokenizer, HuggingFaceTokenizer):
        around = tokenizer.cleaning in AROUND_TOKENS
        options = _options(tokenizer, tokenizer.cleaning, around)
        options["num_embeddings"] = tokenizer.num_embeddings
        return json.loads(str(tokenizer.definition)), options
    if isinstance(tokenizer, SiglipTokenizer):
        proto: Any = tokenizer.proto
        return _without_added(sentencepiece_definition(proto)), _options(tokenizer, "siglip")
    if isinstance(tokenizer, ClipTokenizer):
        definition = clip_definition(dict(tokenizer.vocabulary), tokenizer.merges)
        return definition, _options(tokenizer, "fixed_lower")
    if isinstance(tokenizer, keras_hub.models.BertTokenizer):
        cleaning = "bert" + "_lower" * tokenizer.lowercase + "_strip" * tokenizer.strip_accents
        return _bert_definition(tokenizer), _options(tokenizer, cleaning)
    return None


def _options(tokenizer: Any, cleaning: str, around_tokens: bool = False) -> dict[str, Any]:
    padding = int(tokenizer.pad_token_id)
    return {"cleaning": cleaning, "around_tokens": around_tokens, "pad_token_id": padding}


def _without_added(definition: dict[str, Any]) -> dict[str, Any]:
    """Kept from finding special tokens in a text, where the model's own looks for none."""
    return definition | {"added_tokens": []}


def _bert_definition(tokenizer: Any) -> dict[str, Any]:
    """Of words that `kclip.inputs.bert_words` has made."""
    words = {"type": "Split", "pattern": {"String": WORD_END}, "behavior": "Removed"}
    return word_piece_definition(tokenizer, words | {"invert": False})
