import keras
import keras_hub
from keras_hub.layers import TokenAndPositionEmbedding

from kclip.layers.post_norm_block import PostNormBlock
from kclip.layers.relative_position_bias import RelativePositionBias


@keras.saving.register_keras_serializable("kclip")
class MPNetBackbone(keras_hub.models.Backbone):
    """MPNet's encoder (Song et al. 2020), which KerasHub lacks: BERT's with relative positions.

    Args:
        vocabulary_size, num_layers, num_heads, hidden_dim, intermediate_dim, dropout,
            max_sequence_length: as in `keras_hub.models.RobertaBackbone`.
        num_buckets: int. Buckets of relative positions.
        dtype: dtype policy.

    Inputs: dict of int tensors (B, L) `token_ids` and `padding_mask` (1 for a token).
    Output: float tensor (B, L, hidden_dim).

    Example:
    >>> backbone = MPNetBackbone(90, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> ones = keras.ops.ones((2, 7), "int32")
    >>> backbone({"token_ids": ones, "padding_mask": ones}).shape
    TensorShape([2, 7, 8])
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
        num_buckets=32,
        dtype=None,
        **kwargs,
    ):
        # === Layers ===
        self.embeddings = TokenAndPositionEmbedding(
            vocabulary_size, max_sequence_length, hidden_dim, dtype=dtype, name="embeddings"
        )
        self.token_embedding = self.embeddings.token_embedding
        self.embeddings_layer_norm = keras.layers.LayerNormalization(
            epsilon=1e-5, dtype=dtype, name="embeddings_layer_norm"
        )
        self.embeddings_dropout = keras.layers.Dropout(dropout, dtype=dtype)
        self.relative_position_bias = RelativePositionBias(
            num_buckets, num_heads, dtype=dtype, name="relative_position_bias"
        )
        self.transformer_layers = [
            PostNormBlock(
                num_heads,
                intermediate_dim,
                dropout=dropout,
                dtype=dtype,
                name=f"transformer_layer_{number}",
            )
            for number in range(num_layers)
        ]

        # === Functional Model ===
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in ("token_ids", "padding_mask")
        }
        x = self.embeddings_layer_norm(self.embeddings(inputs["token_ids"]))
        x = self.embeddings_dropout(x)
        bias = self.relative_position_bias(x)
        for layer in self.transformer_layers:
            x = layer(x, bias, inputs["padding_mask"])
        super().__init__(inputs=inputs, outputs=x, dtype=dtype, **kwargs)

        # === Config ===
        self.sizes = {
            "vocabulary_size": vocabulary_size,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "hidden_dim": hidden_dim,
            "intermediate_dim": intermediate_dim,
            "dropout": dropout,
            "max_sequence_length": max_sequence_length,
            "num_buckets": num_buckets,
        }

    def get_config(self):
        return {**super().get_config(), **self.sizes}
