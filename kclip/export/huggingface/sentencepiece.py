"""A SentencePiece model as a `tokenizer.json`."""

import base64
from typing import Any

_SPACE = "▁"


def sentencepiece_definition(proto: bytes) -> dict[str, Any]:
    """The definition that gives a unigram model's ids, an end token after each text.

    The model's own normalisation is in it. As in SentencePiece, a blank is put before a text.

    Args:
        proto: content of a `spiece.model`, whose end token is one of its pieces.

    Returns:
        A dict that `tokenizers` reads.
    """
    from sentencepiece import sentencepiece_model_pb2

    messages: Any = sentencepiece_model_pb2  # its classes are made when it is imported
    model = messages.ModelProto()
    model.ParseFromString(proto)
    end = model.trainer_spec.eos_piece
    number = [piece.piece for piece in model.pieces].index(end)
    blanks = {"type": "Metaspace", "replacement": _SPACE, "prepend_scheme": "first", "split": True}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    sequence = {"Sequence": {"id": "A", "type_id": 0}}
    ends = {"SpecialToken": {"id": end, "type_id": 0}}
    return {
        "version": "1.0",
        "added_tokens": [{"id": number, "content": end, **flags, "special": True}],
        "normalizer": {"type": "Sequence", "normalizers": _normalizers(model.normalizer_spec)},
        "pre_tokenizer": blanks,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [sequence, ends],
            "pair": [sequence, ends, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {end: {"id": end, "ids": [number], "tokens": [end]}},
        },
        "decoder": blanks,
        "model": {
            "type": "Unigram",
            "unk_id": model.trainer_spec.unk_id,
            "vocab": [[piece.piece, piece.score] for piece in model.pieces],
            "byte_fallback": model.trainer_spec.byte_fallback,
        },
    }


def _normalizers(spec: Any) -> list[dict[str, Any]]:
    """What the model does to a text before it looks for pieces."""
    found = []
    if spec.precompiled_charsmap:
        charsmap = base64.b64encode(spec.precompiled_charsmap).decode("ascii")
        found.append({"type": "Precompiled", "precompiled_charsmap": charsmap})
    if spec.remove_extra_whitespaces:
        found.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
        found.append({"type": "Strip", "strip_left": True, "strip_right": True})
    return found
