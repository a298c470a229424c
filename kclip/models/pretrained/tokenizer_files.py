"""The tokenizer of a Hugging Face folder, from whichever of its files hold it."""

import json

from kclip.errors import UserError
from kclip.models.clip.huggingface_tokenizer import HuggingFaceTokenizer
from kclip.models.clip.siglip_tokenizer import SiglipTokenizer
from kclip.models.pretrained.added_tokens import (
    add_tokens,
    listed_tokens,
    token_content,
    vocabulary_of,
)
from kclip.models.pretrained.clip_tokenizer_json import clip_definition, clip_ends
from kclip.models.pretrained.json_files import read_object, read_object_if_there
from kclip.reading import in_one_sentence

_PADDING = {"clip": ["<|endoftext|>"], "siglip": ["<pad>"], "metaclip_2": ["<pad>"]}
_ENDS = ["</s>", "<eos>"]
_NAMES = {"clip": "CLIP", "siglip": "SigLIP", "metaclip_2": "MetaCLIP 2"}


def read_tokenizer(folder, kind, num_embeddings, cleaning=None):
    """Reads `tokenizer.json`, `vocab.json` with `merges.txt`, or SigLIP's `spiece.model`.

    Tokens that a fine-tuning added are whole tokens, whichever file names them.

    Args:
        folder: Path.
        kind: of the model: "clip", "siglip" or "metaclip_2".
        num_embeddings: int. Tokens that the model has embeddings for.
        cleaning: of the `HuggingFaceTokenizer`. None: as transformers' tokenizer of that kind.

    Returns:
        `HuggingFaceTokenizer`, `SiglipTokenizer`, or None where the folder holds none of the files.

    Raises:
        UserError: a file is damaged, is no tokenizer of that kind, or asks for what is not done.
    """
    config = read_object_if_there(folder / "tokenizer_config.json")
    for side in ("padding_side", "truncation_side"):
        if config.get(side, "right") != "right":
            raise UserError(
                f"tokenizer_config.json in {str(folder)!r} says {side!r} {config[side]!r}; kclip "
                "fills up and cuts texts at their right end"
            )
    with in_one_sentence(f"the {_NAMES[kind]} tokenizer in {str(folder)!r}", "download it again"):
        if kind == "siglip" and (tokenizer := _sentencepiece(folder)):
            return tokenizer
        definition = _definition(folder, kind)
        if definition is None:
            return None
        add_tokens(folder, definition)
        _complete(definition, kind)
        padding = _pad_token_id(folder, definition, kind, config)
        cleaning = cleaning or _cleaning(definition, kind, config)
        return HuggingFaceTokenizer(json.dumps(definition), cleaning, padding, num_embeddings)


def _sentencepiece(folder):
    """SigLIP's own tokenizer, unless tokens were added to it."""
    if not (folder / "spiece.model").is_file():
        return None
    tokenizer = SiglipTokenizer((folder / "spiece.model").read_bytes())
    pieces = set(tokenizer.get_vocabulary())
    added = [token["content"] for token in listed_tokens(folder) if token["content"] not in pieces]
    if added and not (folder / "tokenizer.json").is_file():
        raise UserError(
            f"{str(folder)!r} adds the token {added[0]!r} to those of spiece.model; save its "
            "tokenizer with transformers, so that a tokenizer.json holds both"
        )
    return None if added else tokenizer


def _definition(folder, kind):
    if (folder / "tokenizer.json").is_file():
        definition = read_object(folder / "tokenizer.json")
        model = definition["model"]
        if kind == "clip" and not definition.get("pre_tokenizer"):
            return clip_definition(model["vocab"], model["merges"])
        return definition
    if kind == "clip" and (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        merges = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
        return clip_definition(read_object(folder / "vocab.json"), merges)
    return None


def _complete(definition, kind):
    """Adds what can only be meant where a short `tokenizer.json` leaves it out: blanks and ends."""
    vocabulary = vocabulary_of(definition)
    if definition["model"].get("type") == "Unigram" and not definition.get("pre_tokenizer"):
        definition["pre_tokenizer"] = {
            "type": "Metaspace",
            "replacement": "▁",
            "prepend_scheme": "first",  # none after an added token, as in SiglipTokenizer
            "split": True,
        }
    if not definition.get("post_processor") and kind == "clip":
        definition["post_processor"] = clip_ends(vocabulary)
    elif not definition.get("post_processor"):
        end = _first_known(_ENDS, vocabulary)
        special = {"id": end, "ids": [vocabulary[end]], "tokens": [end]}
        pieces = [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": end}}]
        pieces[1]["SpecialToken"]["type_id"] = 0
        definition["post_processor"] = {
            "type": "TemplateProcessing",
            "single": pieces,
            "pair": [*pieces, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {end: special},
        }


def _pad_token_id(folder, definition, kind, config):
    added = {token["content"]: token["id"] for token in definition["added_tokens"]}
    vocabulary = vocabulary_of(definition) | added
    names = read_object_if_there(folder / "special_tokens_map.json")
    if named := token_content(config.get("pad_token") or names.get("pad_token")):
        return vocabulary[_first_known([named], vocabulary)]
    if definition.get("padding"):
        return definition["padding"]["pad_id"]
    unigram = kind == "siglip" and definition["model"].get("type") == "Unigram"
    # SigLIP 1 was trained with the end token as padding, SigLIP 2 with one of its own.
    return vocabulary[_first_known(_ENDS if unigram else _PADDING[kind], vocabulary)]


def _cleaning(definition, kind, config):
    if kind != "siglip":
        return "none"  # what is done stands in the file, as its normalizer
    if definition["model"].get("type") == "Unigram":
        return "siglip"
    # SigLIP 2: trained on lower case, which the file does not do.
    return "lower" if config.get("do_lower_case", True) else "none"


def _first_known(tokens, vocabulary):
    for token in tokens:
        if token in vocabulary:
            return token
    raise ValueError(f"its vocabulary lacks {' and '.join(tokens)}")
