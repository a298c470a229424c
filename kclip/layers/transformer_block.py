import keras
from keras import ops

from kclip.layers.attention import attend
from kclip.layers.feed_forward import FeedForward


@keras.saving.register_keras_serializable("kclip")
class TransformerBlock(keras.layers.Layer):
    """Self-attention and a feed-forward network, each behind a layer norm (CLIP, Section 2.4).

    Args:
        num_heads: int. Attention heads; they divide the width C of the input.
        intermediate_dim: int. Width of the feed-forward network.
        activation: of the `FeedForward`.
        epsilon: float. Of both layer norms.
        causal: bool. Whether a token sees only itself and those before it.
        first_token_only: bool. Give the first token alone. In the last block of a tower that
            pools by its class token, this saves most of the block and changes nothing.

    Call arguments:
        x: float tensor (B, L, C).

    Returns:
        A float tensor (B, L, C), or (B, C) where `first_token_only`.

    Example:
    >>> block = TransformerBlock(2, 32, "gelu", 1e-5)
    >>> block(keras.ops.ones((3, 5, 8))).shape
    TensorShape([3, 5, 8])
    """

    def __init__(
        self,
        num_heads,
        intermediate_dim,
        activation,
        epsilon,
        causal=False,
        first_token_only=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, dtype=self.dtype_policy)
        self.feed_forward = FeedForward(
            intermediate_dim, activation, epsilon, dtype=self.dtype_policy
        )
        self.num_heads = num_heads
        self.causal = causal
        self.first_token_only = first_token_only

    def build(self, input_shape):
        dim = input_shape[-1]
        # One product for queries, keys and values: fewer and larger matrices are faster.
        self.query_key_value = keras.layers.Dense(3 * dim, dtype=self.dtype_policy)
        self.attention_output = keras.layers.Dense(dim, dtype=self.dtype_policy)
        for layer in (self.norm, self.query_key_value, self.attention_output, self.feed_forward):
            layer.build((None, dim))

    def call(self, x):
        shape, dim = ops.shape(x), x.shape[-1]
        # Tokens in one row after another: TensorFlow multiplies matrices faster than stacks of
        # them, and joins the product with the bias.
        tokens = ops.reshape(x, (-1, dim))
        heads = self.query_key_value(self.norm(tokens))
        heads = ops.reshape(heads, (-1, shape[1], 3, self.num_heads, dim // self.num_heads))
        queries, keys, values = ops.unstack(ops.transpose(heads, (2, 0, 3, 1, 4)), 3)
        if self.first_token_only:
            tokens, queries = x[:, 0], queries[:, :, :1]
        tokens = tokens + self.attention_output(attend(queries, keys, values, self.causal))
        tokens = self.feed_forward(tokens)
        return tokens if self.first_token_only else ops.reshape(tokens, (-1, shape[1], dim))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1]) if self.first_token_only else input_shape

    def get_config(self):
        config = super().get_config()
        config.update(
            num_heads=self.num_heads,
            intermediate_dim=self.feed_forward.intermediate_dim,
            activation=self.feed_forward.activation,
            epsilon=self.norm.epsilon,
            causal=self.causal,
            first_token_only=self.first_token_only,
        )
        return config
