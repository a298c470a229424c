"""The tensors of BERT and its kin by the names that transformers has for them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from kclip.models.pretrained.stored_tensor import StoredTensor, norm, plain

# Rows of which transformers has some that kclip has not, and the other way round.
POSITIONS = "embeddings.position_embeddings.weight"
TOKEN_TYPES = "embeddings.token_type_embeddings.weight"
_WHOLE = slice(None)


@dataclass(frozen=True)
class _BlockNames:
    """What a transformer layer's tensors are called, after its prefix."""

    prefix: str
    heads: str  # with {} for the first letter or word of query, key, value
    parts: tuple[str, str, str]
    attention_output: str
    attention_norm: str
    inner: str = "intermediate.dense"
    outer: str = "output.dense"
    output_norm: str = "output.LayerNorm"


_WORDS = ("query", "key", "value")
_BERT_NAMES = _BlockNames(
    "encoder.layer.{}",
    "attention.self.{}",
    _WORDS,
    "attention.output.dense",
    "attention.output.LayerNorm",
)
_NAMES = {
    "bert": _BERT_NAMES,
    "roberta": _BERT_NAMES,
    "xlm_roberta": _BERT_NAMES,
    "deberta_v3": replace(_BERT_NAMES, heads="attention.self.{}_proj"),
    "mpnet": _BlockNames(
        "encoder.layer.{}",
        "attention.attn.{}",
        ("q", "k", "v"),
        "attention.attn.o",
        "attention.LayerNorm",
    ),
    "distil_bert": _BlockNames(
        "transformer.layer.{}",
        "attention.{}_lin",
        ("q", "k", "v"),
        "attention.out_lin",
        "sa_layer_norm",
        "ffn.lin1",
        "ffn.lin2",
        "output_layer_norm",
    ),
    "albert": _BlockNames(
        "encoder.albert_layer_groups.{}.albert_layers.{}",
        "attention.{}",
        _WORDS,
        "attention.dense",
        "attention.LayerNorm",
        "ffn",
        "ffn_output",
        "full_layer_layer_norm",
    ),
}


def text_tensors(encoder: Any) -> Iterator[StoredTensor]:
    """Yields every tensor of a `TextEncoder` but its positions, each a `StoredTensor`.

    Example:
    >>> encoder = TextEncoder(100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> [tensor.name for tensor in text_tensors(encoder)][4]
    'encoder.layer.0.attention.self.query.weight'
    """
    family, layers = encoder.family, _layers(encoder)
    tokens = _together(layers)
    tokens = tokens.token_embedding if tokens else layers["token_embedding"]
    yield plain("embeddings.word_embeddings.weight", tokens.embeddings)
    yield from norm("embeddings.LayerNorm", layers["embeddings_layer_norm"])
    if reads_segments(encoder):
        yield plain(TOKEN_TYPES, layers["segment_embedding"].embeddings)
    names = _NAMES[family]
    for number, block in enumerate(encoder.transformer_blocks):
        place = [number]
        if family == "albert":  # group, and layer in it
            place = divmod(number, encoder.sizes["num_inner_repetitions"])
        yield from _block(block, names, names.prefix.format(*place))
    if family == "albert":
        yield from _dense("encoder.embedding_hidden_mapping_in", layers["embedding_projection"])
    if family == "mpnet":
        table = layers["relative_position_bias"].table
        yield plain("encoder.relative_attention_bias.weight", table)
    if family == "deberta_v3":
        relative = layers["rel_embedding"]
        yield plain("encoder.rel_embeddings.weight", relative.rel_embeddings)
        yield from norm("encoder.LayerNorm", relative.layer_norm)
    if encoder.pooler:
        yield from _dense("pooler" if family == "albert" else "pooler.dense", encoder.pooler)


def position_embeddings(encoder: Any) -> Any:
    """The variable (L, C) of a `TextEncoder`; None for DeBERTa-v3, which has none."""
    if encoder.family == "deberta_v3":
        return None
    layers = _layers(encoder)
    together = _together(layers)
    layer = together.position_embedding if together else layers["position_embedding"]
    return layer.position_embeddings


def reads_segments(encoder: Any) -> bool:
    """Whether a `TextEncoder` is told of which text a token is."""
    return "segment_embedding" in _layers(encoder)


def _layers(encoder: Any) -> dict[str, Any]:
    return {layer.name: layer for layer in encoder.backbone.layers}


def _together(layers: dict[str, Any]) -> Any:
    """The layer that some families keep both kinds of embeddings in."""
    return layers.get("embeddings") or layers.get("token_and_position_embedding")


def _block(block: Any, names: _BlockNames, prefix: str) -> Iterator[StoredTensor]:
    layers = _layers_of(block)
    for part, layer in zip(names.parts, layers["heads"], strict=True):
        yield from _dense(f"{prefix}.{names.heads.format(part)}", layer)
    yield from _dense(f"{prefix}.{names.attention_output}", layers["attention_output"])
    yield from norm(f"{prefix}.{names.attention_norm}", layers["attention_norm"])
    yield from _dense(f"{prefix}.{names.inner}", layers["inner"])
    yield from _dense(f"{prefix}.{names.outer}", layers["outer"])
    yield from norm(f"{prefix}.{names.output_norm}", layers["output_norm"])


def _dense(name: str, layer: Any) -> Iterator[StoredTensor]:
    """Kernel and bias of a layer whose heads may have axes of their own."""
    kernel, bias = layer.kernel, layer.bias
    inputs = kernel.ndim - bias.ndim
    axes = (*range(inputs, kernel.ndim), *range(inputs))
    width = math.prod(bias.shape)
    shape = (width, math.prod(kernel.shape) // width)
    yield StoredTensor(f"{name}.weight", ((kernel, _WHOLE),), axes=axes, shape=shape)
    yield plain(f"{name}.bias", bias, shape=(width,))


def _layers_of(block: Any) -> dict[str, Any]:
    """The layers of a transformer layer of KerasHub, or of a `PostNormBlock`."""
    attention = getattr(block, "_self_attention_layer", None)
    if attention is None:
        return {
            "heads": (block.query, block.key, block.value),
            "attention_output": block.attention_output,
            "attention_norm": block.attention_norm,
            "inner": block.inner,
            "outer": block.outer,
            "output_norm": block.output_norm,
        }
    return {
        "heads": (attention._query_dense, attention._key_dense, attention._value_dense),
        "attention_output": attention._output_dense,
        "attention_norm": block._self_attention_layer_norm,
        "inner": block._feedforward_intermediate_dense,
        "outer": block._feedforward_output_dense,
        "output_norm": block._feedforward_layer_norm,
    }
