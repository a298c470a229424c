"""The families of text towers: a row for each, and what differs between their networks."""

from dataclasses import dataclass

import keras
import keras_hub

from kclip.models.towers.mpnet_backbone import MPNetBackbone

_MASKED = ("token_ids", "padding_mask")
_SEGMENTED = (*_MASKED, "segment_ids")
# What every family's network is built from.
SIZES = (
    "vocabulary_size",
    "num_layers",
    "num_heads",
    "hidden_dim",
    "intermediate_dim",
    "dropout",
    "max_sequence_length",
)


@dataclass(frozen=True)
class TextFamily:
    """A kind of network.

    Attributes:
        backbone: its class, a KerasHub backbone.
        inputs: names of the arrays (B, L) that it reads.
        sizes: arguments of the class beyond those that all have.
        has_pooler: whether it was trained with a dense layer on its first token.
    """

    backbone: type
    inputs: tuple[str, ...] = _MASKED
    sizes: tuple[str, ...] = ()
    has_pooler: bool = True


TEXT_FAMILIES = {
    "bert": TextFamily(keras_hub.models.BertBackbone, _SEGMENTED, ("num_segments",)),
    "roberta": TextFamily(keras_hub.models.RobertaBackbone),
    "xlm_roberta": TextFamily(keras_hub.models.XLMRobertaBackbone),
    "distil_bert": TextFamily(keras_hub.models.DistilBertBackbone, has_pooler=False),
    "albert": TextFamily(
        keras_hub.models.AlbertBackbone,
        _SEGMENTED,
        ("embedding_dim", "num_groups", "num_inner_repetitions", "num_segments"),
    ),
    "deberta_v3": TextFamily(
        keras_hub.models.DebertaV3Backbone, sizes=("bucket_size",), has_pooler=False
    ),
    "mpnet": TextFamily(MPNetBackbone, sizes=("num_buckets",)),
}


def build_backbone(family, sizes, gelu, epsilon, dtype):
    """Builds a family's network.

    Args:
        family: a key of `TEXT_FAMILIES`.
        sizes: the arguments of its class.
        gelu: "exact" or "tanh", the approximation.
        epsilon: float or None. Of all layer norms; None: as published.
        dtype: dtype policy.

    Example:
    >>> sizes = dict(vocabulary_size=90, num_layers=1, num_heads=2, hidden_dim=8)
    >>> build_backbone("roberta", {**sizes, "intermediate_dim": 16}, "exact", 1e-5, None).num_layers
    1
    """
    backbone = TEXT_FAMILIES[family].backbone(**sizes, dtype=dtype)
    # KerasHub's classes have no arguments for these two.
    for layer in keras.tree.flatten(backbone.transformer_layers):
        inner = getattr(layer, "_feedforward_intermediate_dense", None) or layer.inner
        inner.activation = keras.activations.gelu if gelu == "exact" else _gelu_tanh
    if epsilon is not None:
        for layer in backbone._flatten_layers():
            if isinstance(layer, keras.layers.LayerNormalization):
                layer.epsilon = epsilon
    return backbone


def sequence_output(backbone):
    """The Keras tensor (B, L, C) of a network's tokens."""
    outputs = backbone.output
    return outputs["sequence_output"] if isinstance(outputs, dict) else outputs


def _gelu_tanh(x):
    return keras.activations.gelu(x, approximate=True)
