import keras
import keras_hub
import numpy as np
from keras import ops

from kclip.errors import UserError
from kclip.models.towers.text_tower import TextTowerModel

# Layers, heads, width and feed-forward width of the published BERT miniatures
# (Turc et al. 2019, "Well-Read Students Learn Better", Table 1) and of BERT-base.
SIZES = {
    "tiny": {"num_layers": 2, "num_heads": 2, "hidden_dim": 128, "intermediate_dim": 512},
    "mini": {"num_layers": 4, "num_heads": 4, "hidden_dim": 256, "intermediate_dim": 1024},
    "small": {"num_layers": 4, "num_heads": 8, "hidden_dim": 512, "intermediate_dim": 2048},
    "medium": {"num_layers": 8, "num_heads": 8, "hidden_dim": 512, "intermediate_dim": 2048},
    "base": {"num_layers": 12, "num_heads": 12, "hidden_dim": 768, "intermediate_dim": 3072},
}


@keras.saving.register_keras_serializable("kclip")
class MaskedMean(keras.layers.Layer):
    """Mean over the tokens that are not padding: (B, L, C) and (B, L) to (B, C), float32."""

    def call(self, tokens, padding_mask):
        mask = ops.cast(padding_mask, "float32")[..., None]
        total = ops.sum(ops.cast(tokens, "float32") * mask, axis=1)
        return total / ops.maximum(ops.sum(mask, axis=1), 1.0)

    def compute_output_shape(self, tokens_shape, padding_mask_shape=None):
        return (tokens_shape[0], tokens_shape[-1])


@keras.saving.register_keras_serializable("kclip")
class TextEncoder(TextTowerModel):
    """The text tower: a KerasHub BERT and one vector a text.

    Frozen (`trainable = False`), it always runs in inference mode.

    Args:
        vocabulary_size, num_layers, num_heads, hidden_dim, intermediate_dim, dropout,
            max_sequence_length, num_segments: as in `keras_hub.models.BertBackbone`.
        pooling: "cls", BERT's pooled [CLS] token; or "mean", over the tokens that are no padding
            (sentence-transformers).
        gelu: "exact", as in Hugging Face's BERT, or "tanh", the approximation that KerasHub's own
            presets were converted with. The two move a BERT's outputs by about 1e-3.
        dtype: dtype policy.

    Inputs: dict of int tensors (B, L) `token_ids`, `padding_mask` (1 for a token), `segment_ids`.
    Output: float tensor (B, hidden_dim).

    Example:
    >>> encoder = TextEncoder(vocabulary_size=100, **SIZES["tiny"])
    >>> ones = keras.ops.ones((2, 7), "int32")
    >>> encoder({"token_ids": ones, "padding_mask": ones, "segment_ids": ones}).shape
    TensorShape([2, 128])
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        dropout=0.1,
        max_sequence_length=512,
        num_segments=2,
        pooling="mean",
        gelu="exact",
        dtype=None,
        **kwargs,
    ):
        # === Layers ===
        bert_config = {
            "vocabulary_size": vocabulary_size,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "hidden_dim": hidden_dim,
            "intermediate_dim": intermediate_dim,
            "dropout": dropout,
            "max_sequence_length": max_sequence_length,
            "num_segments": num_segments,
        }
        bert = keras_hub.models.BertBackbone(**bert_config, dtype=dtype)
        if gelu == "exact":
            _use_exact_gelu(bert)
        self.backbone = _output_model(bert, pooling)
        self.mean_pooling = MaskedMean(name="mean_pooling") if pooling == "mean" else None

        # === Functional Model ===
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in ("token_ids", "padding_mask", "segment_ids")
        }
        outputs = self.backbone(inputs)
        features = outputs.get("pooled")
        if self.mean_pooling:
            features = self.mean_pooling(outputs["tokens"], inputs["padding_mask"])
        super().__init__(inputs=inputs, outputs=features, dtype=dtype, **kwargs)

        # === Config ===
        self.token_output = outputs["tokens"]
        self.bert_config = bert_config
        self.pooling = pooling
        self.gelu = self.settings = gelu

    @property
    def blocks(self):
        """See `ImageTowerModel`: the embeddings, then each transformer layer."""
        blocks = [[]]
        for layer in self.backbone.layers:
            if isinstance(layer, keras_hub.layers.TransformerEncoder):
                blocks.append([])
            if layer.weights:
                blocks[-1].append(layer)
        return blocks

    def lengths(self, tokens):
        """See `TextTowerModel`."""
        return np.sum(tokens["padding_mask"], axis=1)

    @classmethod
    def from_bert(cls, bert, gelu, pooling="mean", **kwargs):
        """A text encoder with the weights of a KerasHub BERT.

        Args:
            bert: `keras_hub.models.BertBackbone`.
            gelu: "exact" or "tanh": which one the weights were trained with.
            pooling: "mean" or "cls".
            **kwargs: further arguments of the constructor, such as `dtype`.
        """
        names = (
            "vocabulary_size num_layers num_heads hidden_dim intermediate_dim dropout "
            "max_sequence_length num_segments"
        ).split()
        config = bert.get_config()
        sizes = {name: config[name] for name in names}
        encoder = cls(**sizes, pooling=pooling, gelu=gelu, **kwargs)
        encoder.backbone.set_weights(_output_model(bert, pooling).get_weights())
        return encoder

    @classmethod
    def from_size(cls, size, vocabulary_size, **kwargs):
        """An untrained text encoder of a named size.

        Args:
            size: "tiny", "mini", "small", "medium" or "base".
            vocabulary_size: int.
            **kwargs: further arguments of the constructor.

        Raises:
            UserError: the size has no such name.
        """
        if size not in SIZES:
            raise UserError(f"there is no BERT size {size!r}; choose one of {', '.join(SIZES)}")
        return cls(vocabulary_size, **SIZES[size], **kwargs)

    def get_config(self):
        config = super().get_config()
        config.update(**self.bert_config, pooling=self.pooling, gelu=self.gelu)
        return config


def _output_model(bert, pooling):
    outputs = {"tokens": bert.output["sequence_output"]}
    if pooling == "cls":
        # Only then: the weights of BERT's pooler would never get a gradient.
        outputs["pooled"] = bert.output["pooled_output"]
    return keras.Model(bert.input, outputs, name="bert")


def _use_exact_gelu(bert):
    # KerasHub's BERT has no argument for it and always takes the approximation.
    for layer in bert.transformer_layers:
        layer._feedforward_intermediate_dense.activation = keras.activations.gelu
