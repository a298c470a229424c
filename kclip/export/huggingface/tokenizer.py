"""A model's tokenizer in the files that transformers reads."""

import json
from dataclasses import dataclass
from typing import Any

from ftfy.chardata import LIGATURES
from tokenizers import Tokenizer

from kclip.export.huggingface.sentencepiece import sentencepiece_definition
from kclip.models import ClipPreprocessor, ClipTokenizer, HuggingFaceTokenizer, SiglipTokenizer
from kclip.models.pretrained.clip_tokenizer_json import clip_definition


def _replace(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


_LOWER = [_replace(r"(?<=\p{L})Σ(?!\p{L})", "ς"), {"type": "Lowercase"}]  # as Python does it
_NO_PUNCTUATION = _replace(r"[!-/:-@\[-`{-~]", "")  # Python's string.punctuation
_STRIP = {"type": "Strip", "strip_left": True, "strip_right": True}
_SPACES = [_replace(r"[\s\x1c-\x1f\x85]+", " "), _STRIP]
# Of what ftfy mends, that which looks at single letters.
_MENDED = [
    {"type": "NFC"},
    _replace("[\u02bc\u2018-\u201b]", "'"),
    _replace("[\u201c-\u201f]", '"'),
    _replace(r"[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]", ""),
    *(_replace(chr(letter), letters) for letter, letters in LIGATURES.items()),
]
# A name of kclip.inputs.text_cleaning's -> what `tokenizers` does the same by. It has nothing
# for HTML entities and mojibake.
_NORMALIZERS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "lower": _LOWER,
    "fixed": [*_MENDED, *_SPACES],
    "fixed_lower": [*_MENDED, *_SPACES, *_LOWER],
    "canonical": [*_MENDED, _replace("_", " "), *_LOWER, _NO_PUNCTUATION, *_SPACES],
    "siglip": [*_LOWER, _NO_PUNCTUATION, *_SPACES],
}


@dataclass(frozen=True)
class TokenizerFiles:
    """What transformers needs of a tokenizer.

    Attributes:
        definition: content of `tokenizer.json`.
        config: content of `tokenizer_config.json`.
        token_ids: `bos_token_id` where a text has a start, `eos_token_id` and `pad_token_id`.
        mends_texts: whether kclip mends HTML entities and mojibake before, which files cannot.
        pads_differently: whether kclip fills texts up with another token than `pad_token_id`.
    """

    definition: dict[str, Any]
    config: dict[str, Any]
    token_ids: dict[str, int]
    mends_texts: bool
    pads_differently: bool


def tokenizer_files(preprocessor: ClipPreprocessor, siglip: bool) -> TokenizerFiles:
    """Makes the files of a preprocessor's tokenizer.

    Args:
        preprocessor: of a `CLIP`, with a tokenizer.
        siglip: whether the model is a SigLIP, whose texts depend on what fills them up.
    """
    ours: Any = preprocessor.tokenizer
    definition, cleaning = _definition(ours)
    _clean_before(definition, _NORMALIZERS[cleaning])
    tokenizer = Tokenizer.from_str(json.dumps(definition))
    ends = tokenizer.encode("").ids
    ids = {"bos_token_id": ends[0]} if len(ends) > 1 else {}
    ids["eos_token_id"] = ids["pad_token_id"] = ends[-1]
    # transformers never finds its padding token in a text, so a word of the vocabulary, as OpenAI's
    # 0 is, cannot be it. What follows a CLIP's end token changes nothing.
    if siglip or ours.pad_token_id in {token["id"] for token in definition["added_tokens"]}:
        ids["pad_token_id"] = ours.pad_token_id
    tokens = {name.removesuffix("_id"): tokenizer.id_to_token(ids[name]) for name in ids}
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",  # others make a normalizer of their own
        "processor_class": "SiglipProcessor" if siglip else "CLIPProcessor",
        "model_max_length": preprocessor.sequence_length,
        # A SigLIP was trained to see its padding.
        "model_input_names": ["input_ids"] if siglip else ["input_ids", "attention_mask"],
        "do_lower_case": cleaning == "lower",  # kclip does it to a SigLIP 2 where nothing is said
        "clean_up_tokenization_spaces": False,
        **tokens,
    }
    mends_texts = cleaning in ("fixed", "fixed_lower", "canonical")
    pads_differently = ids["pad_token_id"] != ours.pad_token_id
    return TokenizerFiles(definition, config, ids, mends_texts, pads_differently)


def _definition(tokenizer: Any) -> tuple[dict[str, Any], str]:
    """The `tokenizer.json` without what is done to a text before, and the name of that."""
    if isinstance(tokenizer, HuggingFaceTokenizer):
        return json.loads(str(tokenizer.definition)), tokenizer.cleaning
    if isinstance(tokenizer, SiglipTokenizer):
        proto: Any = tokenizer.proto
        return sentencepiece_definition(proto), "siglip"
    assert isinstance(tokenizer, ClipTokenizer)
    return clip_definition(dict(tokenizer.vocabulary), tokenizer.merges), "fixed_lower"


def _clean_before(definition: dict[str, Any], normalizers: list[dict[str, Any]]) -> None:
    if normalizers:
        own = [definition["normalizer"]] if definition.get("normalizer") else []
        definition["normalizer"] = {"type": "Sequence", "normalizers": [*normalizers, *own]}
    definition["truncation"] = definition["padding"] = None  # transformers sets them by itself
    before = definition.get("pre_tokenizer") or {}
    inside = [token for token in definition["added_tokens"] if not token["special"]]
    if _STRIP in normalizers and before.get("prepend_scheme") == "first" and not inside:
        # "first" means the place in the text as it came, so a text that lost blanks has none.
        before["prepend_scheme"] = "always"
