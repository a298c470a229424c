import keras
import numpy as np
from keras import ops

from kclip.errors import UserError
from kclip.models.towers.text_families import (
    SIZES,
    TEXT_FAMILIES,
    build_backbone,
    sequence_output,
)
from kclip.models.towers.text_tower import TextTowerModel

POOLINGS = ("mean", "cls", "first")

# Layers, heads, width and feed-forward width of the published BERT miniatures
# (Turc et al. 2019, "Well-Read Students Learn Better", Table 1) and of BERT-base.
BERT_SIZES = {
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
    """The text tower: a network of tokens, and one vector a text.

    Frozen (`trainable = False`), it always runs in inference mode.

    Args:
        vocabulary_size, num_layers, num_heads, hidden_dim, intermediate_dim, dropout,
            max_sequence_length: as in `keras_hub.models.BertBackbone`.
        family: the network, a key of `kclip.models.towers.text_families.TEXT_FAMILIES`.
        sizes: dict or None. Further arguments of the family's class, such as `num_buckets`.
        pooling: "mean", over the tokens that are no padding; "cls", a dense layer with tanh on the
            first token (BERT's pooled output); or "first", that token itself.
        gelu: "exact", as in Hugging Face's BERT, or "tanh", the approximation that KerasHub's own
            presets of BERT were converted with. The two move a BERT's outputs by about 1e-3.
        epsilon: float or None. Of all layer norms; None: as the family was published.
        dtype: dtype policy.

    Inputs: dict of int tensors (B, L), those of the family: `token_ids`, `padding_mask` (1 for a
        token), and `segment_ids` of BERT and ALBERT.
    Output: float tensor (B, hidden_dim).

    Example:
    >>> encoder = TextEncoder(vocabulary_size=100, **BERT_SIZES["tiny"])
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
        family="bert",
        sizes=None,
        pooling="mean",
        gelu="exact",
        epsilon=None,
        dtype=None,
        **kwargs,
    ):
        # === Layers ===
        common = (vocabulary_size, num_layers, num_heads, hidden_dim, intermediate_dim)
        common = dict(zip(SIZES, (*common, dropout, max_sequence_length), strict=True))
        network = build_backbone(family, {**common, **(sizes or {})}, gelu, epsilon, dtype)
        # Without BERT's own pooler, whose weights would get no gradient where it is not used.
        self.backbone = keras.Model(network.input, sequence_output(network), name=family)
        self.mean_pooling = MaskedMean(name="mean_pooling") if pooling == "mean" else None
        self.pooler = None
        if pooling == "cls":
            self.pooler = keras.layers.Dense(hidden_dim, "tanh", dtype=dtype, name="pooler")

        # === Functional Model ===
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in TEXT_FAMILIES[family].inputs
        }
        tokens = self.backbone(inputs)
        if self.mean_pooling:
            features = self.mean_pooling(tokens, inputs["padding_mask"])
        else:
            features = tokens[:, 0]
        if self.pooler:
            features = self.pooler(features)
        super().__init__(inputs=inputs, outputs=features, dtype=dtype, **kwargs)

        # === Config ===
        self.token_output = tokens
        self.transformer_blocks = keras.tree.flatten(network.transformer_layers)
        self.numbers = common
        self.family = family
        self.sizes = sizes
        self.pooling = pooling
        self.gelu = gelu
        self.epsilon = epsilon

    @property
    def settings(self):
        """See `TextTowerModel`."""
        return [self.family, self.sizes, self.pooling, self.gelu, self.epsilon]

    @property
    def blocks(self):
        """See `ImageTowerModel`: the embeddings, then each transformer layer."""
        blocks = [[]]
        for layer in self.backbone.layers:
            if layer in self.transformer_blocks:
                blocks.append([])
            if layer.weights:
                blocks[-1].append(layer)
        return blocks

    def lengths(self, tokens):
        """See `TextTowerModel`."""
        return np.sum(tokens["padding_mask"], axis=1)

    @classmethod
    def from_backbone(cls, backbone, gelu, pooling="mean", **kwargs):
        """A text encoder with the weights of a KerasHub backbone.

        Args:
            backbone: `keras_hub.models.BertBackbone` or that of another family.
            gelu: "exact" or "tanh": which one the weights were trained with.
            pooling: "mean", "first", or "cls", for which the backbone must have a pooler.
            **kwargs: further arguments of the constructor, such as `dtype`.
        """
        family = next(
            name for name, known in TEXT_FAMILIES.items() if type(backbone) is known.backbone
        )
        config = backbone.get_config()
        common = {name: config[name] for name in SIZES}
        sizes = {name: config[name] for name in TEXT_FAMILIES[family].sizes}
        options = {"family": family, "sizes": sizes, "pooling": pooling, "gelu": gelu}
        encoder = cls(**common, **options, **kwargs)
        of_tokens = keras.Model(backbone.input, sequence_output(backbone))
        encoder.backbone.set_weights(of_tokens.get_weights())
        if encoder.pooler:
            encoder.pooler.set_weights(backbone.get_layer("pooled_dense").get_weights())
        return encoder

    @classmethod
    def from_size(cls, size, vocabulary_size, **kwargs):
        """An untrained BERT of a named size.

        Args:
            size: "tiny", "mini", "small", "medium" or "base".
            vocabulary_size: int.
            **kwargs: further arguments of the constructor.

        Raises:
            UserError: the size has no such name.
        """
        if size not in BERT_SIZES:
            raise UserError(
                f"there is no BERT size {size!r}; choose one of {', '.join(BERT_SIZES)}"
            )
        return cls(vocabulary_size, **BERT_SIZES[size], **kwargs)

    def get_config(self):
        config = super().get_config()
        config.update(
            **self.numbers,
            family=self.family,
            sizes=self.sizes,
            pooling=self.pooling,
            gelu=self.gelu,
            epsilon=self.epsilon,
        )
        return config
