"""Tokenization by TensorFlow operations, for graphs that take strings."""

import json
import re
import string
from typing import Any

import tensorflow as tf

from kclip.errors import UserError
from kclip.models import ClipPreprocessor, ClipTokenizer, HuggingFaceTokenizer, SiglipTokenizer

# KerasHub's byte-pair tables, and tensorflow_text's SentencePiece and WordPiece.
_TABLES = (tf.lookup.StaticHashTable, tf.Module)
_NO_OPERATIONS = (
    "the model's tokenizer.json is not CLIP's own, and TensorFlow has no operations for it; leave "
    "saved_model out of --format (onnx and litert take token ids)"
)
_PUNCTUATION = f"[{re.escape(string.punctuation)}]"


def for_graphs(preprocessor: Any) -> Any:
    """The preprocessor with a tokenizer that TensorFlow operations can do.

    Args:
        preprocessor: of a model.

    Returns:
        The same, or a copy with a `ClipTokenizer` where a `tokenizer.json` is CLIP's.

    Raises:
        UserError: no TensorFlow operations do what the `tokenizer.json` says.
    """
    tokenizer = preprocessor.tokenizer
    if not isinstance(tokenizer, HuggingFaceTokenizer):
        return preprocessor
    if not isinstance(preprocessor, ClipPreprocessor):
        raise UserError(_NO_OPERATIONS)
    definition = json.loads(str(tokenizer.definition))
    model = definition["model"]
    ends = {"<|startoftext|>", "<|endoftext|>"}
    added = {token["content"] for token in definition["added_tokens"]}
    if model["type"] != "BPE" or model.get("end_of_word_suffix") != "</w>" or added != ends:
        raise UserError(_NO_OPERATIONS)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    pads_with_end = tokenizer.pad_token_id == tokenizer.token_to_id("<|endoftext|>")
    clip = ClipTokenizer(model["vocab"], merges, pad_with_end_token=pads_with_end)
    return ClipPreprocessor(clip, **preprocessor.numbers)


def tokenize_in_graph(preprocessor: Any, texts: Any) -> dict[str, Any]:
    """What `preprocessor.tokenize` does, on a string tensor.

    CLIP's texts are not cleaned of HTML entities and mojibake, for which there are no operations.

    Args:
        preprocessor: of a model, as `for_graphs` gives it.
        texts: string tensor (B,), UTF-8.

    Returns:
        A dict of integer tensors (B, L).
    """
    tokenizer, length = preprocessor.tokenizer, preprocessor.sequence_length
    if isinstance(tokenizer, ClipTokenizer):
        rows = tokenizer.tokenize(_plain(texts))
        return _packed([tokenizer.start_token_id], rows, tokenizer, length)
    if isinstance(tokenizer, SiglipTokenizer):
        texts = tf.strings.regex_replace(tf.strings.lower(texts, "utf-8"), _PUNCTUATION, "")
        return _packed([], tokenizer.tokenize(_plain(texts)), tokenizer, length)
    return preprocessor.tokenize(texts)


def lookup_tables(preprocessor: Any) -> list[Any]:
    """The tables that `tokenize_in_graph` reads, which Keras' exporter has to be told of."""
    tokenizer = preprocessor.tokenizer
    # KerasHub makes them when a graph first asks for them.
    tf.function(tokenizer.tokenize)(tf.constant(["a"]))
    return [value for value in vars(tokenizer).values() if isinstance(value, _TABLES)]


def _plain(texts: Any) -> Any:
    """Small letters and single spaces."""
    small = tf.strings.lower(texts, "utf-8")
    return tf.strings.strip(tf.strings.regex_replace(small, r"[\s\p{Z}]+", " "))


def _packed(start: list[int], rows: Any, tokenizer: Any, length: int) -> dict[str, Any]:
    """Puts the ends around ragged rows, cuts what is too long and fills up what is short."""
    batch = rows.nrows()
    starts = tf.tile(tf.constant([start], tf.int32), (batch, 1))
    ends = tf.fill((batch, 1), tf.constant(tokenizer.end_token_id, tf.int32))
    rows = tf.cast(rows, tf.int32)[:, : length - len(start) - 1]
    # KerasHub's Python code gives the end token for an unknown one, its graph -1.
    known = tf.where(rows.flat_values < 0, tokenizer.end_token_id, rows.flat_values)
    rows = rows.with_flat_values(known)
    whole = tf.concat([starts, rows, ends], axis=1)
    return {"token_ids": whole.to_tensor(tokenizer.pad_token_id, shape=(None, length))}
