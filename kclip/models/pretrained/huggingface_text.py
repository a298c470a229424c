"""BERT, RoBERTa, XLM-RoBERTa, DistilBERT, ALBERT, DeBERTa-v3 and MPNet as transformers keeps them.

KerasHub reads some of these folders, but wants names with the prefix of a model that has a head,
leaves out RoBERTa's token types, and has no MPNet; so their tensors are read here.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from kclip.errors import UserError
from kclip.models.pretrained.huggingface_text_config import (
    first_position,
    text_family,
    text_sizes,
)
from kclip.models.pretrained.json_files import read_object
from kclip.models.pretrained.safetensors_folder import SafetensorsFolder
from kclip.models.towers.text_encoder import TextEncoder
from kclip.models.towers.text_families import TEXT_FAMILIES

# Of models that were saved with what they were trained for.
_HEADS = (
    "classifier.",
    "cls.",
    "lm_head.",
    "lm_predictions.",
    "mask_predictions.",
    "pooler.",
    "pre_classifier.",
    "predictions.",
    "qa_outputs.",
    "sop_classifier.",
    "vocab_",
)


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


def load_huggingface_text_encoder(folder, pooling="mean", dtype="float32", **options):
    """Reads the text tower of a Hugging Face folder, without PyTorch.

    Args:
        folder: with `config.json`, and `model.safetensors` or its shards and their index.
        pooling: of the `TextEncoder`; "cls" takes the folder's own pooler.
        dtype: dtype policy.
        **options: further arguments of the `TextEncoder`, such as `name`.

    Raises:
        UserError: the model is of another kind, or a file is missing or damaged, or its tensors
            do not fit the config.

    Example:
    >>> encoder = load_huggingface_text_encoder("all-MiniLM-L6-v2", pooling="cls")
    >>> encoder.family, encoder.pooling
    ('bert', 'cls')
    """
    config = read_object(Path(folder) / "config.json")
    family = text_family(folder, config)
    if pooling == "cls" and not TEXT_FAMILIES[family].has_pooler:
        raise UserError(
            f"the model in {str(folder)!r} was trained without a pooler, which --text.pooling cls "
            "takes; give mean or first"
        )
    sizes = text_sizes(folder, family, config)
    with SafetensorsFolder(folder, anchor="embeddings.word_embeddings.weight") as tensors:
        with tensors.building():
            encoder = TextEncoder(**sizes, pooling=pooling, dtype=dtype, **options)
        _Filling(tensors, encoder, first_position(family, config)).fill()
        tensors.refuse_leftovers(known=("position_ids",), heads=_HEADS)
    return encoder


class _Filling:
    """Copies tensors into a `TextEncoder`."""

    def __init__(self, tensors, encoder, first_position):
        self.tensors = tensors
        self.encoder = encoder
        self.first_position = first_position
        self.layers = {layer.name: layer for layer in encoder.backbone.layers}

    def fill(self):
        family = self.encoder.family
        self._fill_embeddings()
        names = _NAMES[family]
        for number, block in enumerate(self.encoder.transformer_blocks):
            place = [number]
            if family == "albert":  # group, and layer in it
                place = divmod(number, self.encoder.sizes["num_inner_repetitions"])
            self._fill_block(block, names, names.prefix.format(*place))
        if family == "albert":
            self._dense(self.layers["embedding_projection"], "encoder.embedding_hidden_mapping_in")
        if family == "mpnet":
            table = self.layers["relative_position_bias"].table
            self._copy(table, "encoder.relative_attention_bias.weight")
        if family == "deberta_v3":
            relative = self.layers["rel_embedding"]
            self._copy(relative.rel_embeddings, "encoder.rel_embeddings.weight")
            self._norm(relative.layer_norm, "encoder.LayerNorm")
        if self.encoder.pooler:
            self._dense(self.encoder.pooler, "pooler" if family == "albert" else "pooler.dense")

    def _fill_embeddings(self):
        layers = self.layers
        together = layers.get("embeddings") or layers.get("token_and_position_embedding")
        tokens = together.token_embedding if together else layers["token_embedding"]
        self._copy(tokens.embeddings, "embeddings.word_embeddings.weight")
        self._norm(layers["embeddings_layer_norm"], "embeddings.LayerNorm")
        if self.encoder.family != "deberta_v3":
            layer = together.position_embedding if together else layers["position_embedding"]
            self._fill_positions(layer.position_embeddings)
        if "segment_embedding" in layers:
            segments = layers["segment_embedding"].embeddings
            self._copy(segments, "embeddings.token_type_embeddings.weight")

    def _fill_positions(self, variable):
        length, dim = variable.shape
        name = "embeddings.position_embeddings.weight"
        rows = self.tensors.read(name, (length + self.first_position, dim))[self.first_position :]
        types = "embeddings.token_type_embeddings.weight"
        if types in self.tensors.names and "segment_embedding" not in self.layers:
            # RoBERTa adds the first row to every token, as it does the row of a position.
            rows = rows + self.tensors.read(types, self.tensors.shape(types))[0]
        variable.assign(rows)

    def _fill_block(self, block, names, prefix):
        layers = _layers_of(block)
        for part, layer in zip(names.parts, layers["heads"], strict=True):
            self._dense(layer, f"{prefix}.{names.heads.format(part)}")
        self._dense(layers["attention_output"], f"{prefix}.{names.attention_output}")
        self._norm(layers["attention_norm"], f"{prefix}.{names.attention_norm}")
        self._dense(layers["inner"], f"{prefix}.{names.inner}")
        self._dense(layers["outer"], f"{prefix}.{names.outer}")
        self._norm(layers["output_norm"], f"{prefix}.{names.output_norm}")

    def _norm(self, layer, name):
        self._copy(layer.gamma, f"{name}.weight")
        self._copy(layer.beta, f"{name}.bias")

    def _dense(self, layer, name):
        """A kernel may have its heads on axes of their own."""
        kernel, bias = layer.kernel, layer.bias
        width = self.tensors.shape(f"{name}.bias")[0]
        weight = self.tensors.read(f"{name}.weight", (width, math.prod(kernel.shape) // width))
        kernel.assign(weight.T.reshape(kernel.shape))
        bias.assign(self.tensors.read(f"{name}.bias", (width,)).reshape(bias.shape))

    def _copy(self, variable, name):
        variable.assign(self.tensors.read(name, variable.shape))


def _layers_of(block):
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
