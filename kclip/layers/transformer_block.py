import keras
import numpy as np
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
        layer_scale: bool. Whether each channel of what both halves add has a learned factor.

    Call arguments:
        x: float tensor (B, L, C).
        first_token_only: bool. Give the first token alone. In the last block of a tower that
            pools by its class token, this saves most of the block and changes nothing.

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
        layer_scale=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, dtype=self.dtype_policy)
        self.feed_forward = FeedForward(
            intermediate_dim, activation, epsilon, layer_scale, dtype=self.dtype_policy
        )
        self.num_heads = num_heads
        self.causal = causal
        self.lora_scale = None

    def build(self, input_shape):
        dim = input_shape[-1]
        # One product for queries, keys and values: fewer and larger matrices are faster.
        self.query_key_value = keras.layers.Dense(3 * dim, dtype=self.dtype_policy)
        self.attention_output = keras.layers.Dense(dim, dtype=self.dtype_policy)
        for layer in (self.norm, self.query_key_value, self.attention_output, self.feed_forward):
            layer.build((None, dim))
        if self.feed_forward.layer_scale:
            self.scale = self.add_weight(name="scale", shape=(dim,), initializer="ones")

    def call(self, x, first_token_only=False):
        shape, dim = ops.shape(x), x.shape[-1]
        # Tokens in one row after another: TensorFlow multiplies matrices faster than stacks of
        # them, and joins the product with the bias.
        tokens = ops.reshape(x, (-1, dim))
        normed = self.norm(tokens)
        heads = self.query_key_value(normed)
        if self.lora_scale is not None:
            heads = heads + self._adapted(normed)
        heads = ops.reshape(heads, (-1, shape[1], 3, self.num_heads, dim // self.num_heads))
        queries, keys, values = ops.unstack(ops.transpose(heads, (2, 0, 3, 1, 4)), 3)
        if first_token_only:
            tokens, queries = x[:, 0], queries[:, :, :1]
        change = self.attention_output(attend(queries, keys, values, self.causal))
        tokens = tokens + (change * self.scale if self.feed_forward.layer_scale else change)
        tokens = self.feed_forward(tokens)
        return tokens if first_token_only else ops.reshape(tokens, (-1, shape[1], dim))

    def enable_lora(self, rank, alpha):
        """Freezes the block and adds low-rank adapters to its queries and values.

        Hu et al. 2022, "LoRA", Equation 3. They change nothing at first. Keras' own `enable_lora`
        would adapt queries, keys and values, which are one product here, by one pair of matrices.

        Args:
            rank: int.
            alpha: float. The product of the adapters is scaled by alpha / rank.
        """
        dim = self.attention_output.kernel.shape[0]
        self.trainable = False
        self._tracker.unlock()
        uniform = keras.initializers.HeUniform()
        # Queries' and values' adapters beside each other.
        self.lora_a = self.add_weight(name="lora_a", shape=(2, dim, rank), initializer=uniform)
        self.lora_b = self.add_weight(name="lora_b", shape=(2, rank, dim), initializer="zeros")
        self._tracker.lock()
        self.lora_a.trainable = self.lora_b.trainable = True
        self.lora_scale = alpha / rank

    def merge_lora(self):
        """Adds the adapters' product to the weights and removes them; without any, nothing."""
        if self.lora_scale is None:
            return
        kernel = self.query_key_value.kernel
        a, b = self.lora_factors()
        kernel.assign(kernel + ops.cast(ops.matmul(a, b), kernel.dtype))
        # What was traced before goes on to use them.
        self.lora_b.assign(ops.zeros(self.lora_b.shape))
        self._tracker.unlock()
        self._untrack_variable(self.lora_a)
        self._untrack_variable(self.lora_b)
        self._tracker.lock()
        self.lora_scale = None

    def lora_factors(self):
        """Two float32 arrays, (C, 2 * rank) and (2 * rank, 3 * C).

        Their product is what the adapters add to the matrix of queries, keys and values.
        """
        a, b = (ops.convert_to_numpy(weight) for weight in (self.lora_a, self.lora_b))
        queries, values = b * self.lora_scale
        nothing = np.zeros_like(queries)
        rows = [[queries, nothing, nothing], [nothing, nothing, values]]
        return np.concatenate(a, axis=1), np.block(rows).astype("float32")

    def _adapted(self, x):
        """What the adapters add to queries, keys and values: (N, C) to (N, 3 * C)."""
        a, b = (ops.cast(weight, x.dtype) for weight in (self.lora_a, self.lora_b))
        queries, values = (ops.matmul(ops.matmul(x, a[i]), b[i]) for i in range(2))
        change = ops.concatenate([queries, ops.zeros_like(queries), values], axis=1)
        return change * ops.cast(self.lora_scale, x.dtype)

    def get_config(self):
        config = super().get_config()
        config.update(
            num_heads=self.num_heads,
            intermediate_dim=self.feed_forward.intermediate_dim,
            activation=self.feed_forward.activation,
            epsilon=self.norm.epsilon,
            causal=self.causal,
            layer_scale=self.feed_forward.layer_scale,
        )
        return config
