import keras
from keras import ops

from kclip.errors import UserError
from kclip.layers.attention import attention_weights, weighted_sum

EPSILON = 1e-5


class CrossAttention(keras.layers.Layer):
    """What heads that look for their queries in an image share: one block of a decoder.

    Cross-attention and feed-forward without self-attention, each added and then layer-normalised:
    the block of ML-Decoder (Ridnik et al. 2021, Section 3), and of MMM-CLIP's MLD-Adapter.
    A subclass sets `embed_features`, a dense layer to `dim`, and calls `build_block` in its `build`
    and `decode` in its `call`.

    Args:
        dim: int. Width of the block, a multiple of `num_heads`.
        num_heads: int. Attention heads.
        intermediate_dim: int. Width of the feed-forward network.
        dropout: float in [0, 1). Rate on queries, attention weights and the attended values.
        feed_forward_dropout: float in [0, 1). Rate within and after the feed-forward network; None
            for that of `dropout`.

    Raises:
        UserError: `dim` is no multiple of `num_heads`.
    """

    def __init__(
        self, dim, num_heads, intermediate_dim, dropout, feed_forward_dropout=None, **kwargs
    ):
        super().__init__(**kwargs)
        if dim % num_heads:
            raise UserError(f"dim={dim} is no multiple of num_heads={num_heads}; choose one")
        self.dim = dim
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.feed_forward_dropout = self.dropout
        if feed_forward_dropout is not None:
            self.feed_forward_dropout = keras.layers.Dropout(
                feed_forward_dropout, dtype=self.dtype_policy
            )

    def build_block(self):
        """Builds what follows once features and queries are of width `dim`."""
        dim = self.dim
        self.query_norm = self._norm()
        self.attention_query = self.dense(dim, dim)
        self.attention_key_value = self.dense(dim, 2 * dim)
        self.attention_output = self.dense(dim, dim)
        self.attention_norm = self._norm()
        self.inner = self.dense(dim, self.intermediate_dim, activation="relu")
        self.outer = self.dense(self.intermediate_dim, dim)
        self.output_norm = self._norm()

    def dense(self, inputs, outputs, activation=None):
        """A built dense layer of this layer's policy."""
        dense = keras.layers.Dense(outputs, activation, dtype=self.dtype_policy)
        dense.build((None, inputs))
        return dense

    def _norm(self):
        norm = keras.layers.LayerNormalization(epsilon=EPSILON, dtype=self.dtype_policy)
        norm.build((None, self.dim))
        return norm

    def decode(self, features, queries, training=None):
        """What queries (K, dim) find in each image: (B, K, dim), and the maps (B, heads, K, L)."""
        batch, count = ops.shape(features)[0], ops.shape(queries)[0]
        if training and self.dropout.rate:
            # Each image drops its own; without dropout, all share the queries up to the attention.
            queries = ops.tile(queries, (batch, 1))
        queries = self.query_norm(queries + self.dropout(queries, training=training))
        attended, attention = self._attend(queries, count, features, batch, training)
        attended = ops.reshape(attended, (-1, count, self.dim))
        tokens = ops.reshape(queries, (-1, count, self.dim)) + attended
        # Tokens in one row after another: TensorFlow multiplies matrices faster than stacks.
        tokens = self.attention_norm(ops.reshape(tokens, (-1, self.dim)))
        inner = self.feed_forward_dropout(self.inner(tokens), training=training)
        tokens = tokens + self.feed_forward_dropout(self.outer(inner), training=training)
        return ops.reshape(self.output_norm(tokens), (-1, count, self.dim)), attention

    def _attend(self, queries, count, features, batch, training):
        head_dim = self.dim // self.num_heads
        memory = self.embed_features(ops.reshape(features, (-1, features.shape[-1])))
        heads = self.attention_key_value(memory)
        heads = ops.reshape(heads, (batch, -1, 2, self.num_heads, head_dim))
        keys, values = ops.unstack(ops.transpose(heads, (2, 0, 3, 1, 4)), 2)
        queries = self.attention_query(queries)
        queries = ops.reshape(queries, (-1, count, self.num_heads, head_dim))
        attention = attention_weights(ops.transpose(queries, (0, 2, 1, 3)), keys)
        attended = weighted_sum(self.dropout(attention, training=training), values)
        return self.dropout(self.attention_output(attended), training=training), attention

    def get_config(self):
        config = super().get_config()
        config.update(
            dim=self.dim,
            num_heads=self.num_heads,
            intermediate_dim=self.intermediate_dim,
            dropout=self.dropout.rate,
        )
        return config
