import keras
from keras import ops

from kclip.layers.attention import attend


@keras.saving.register_keras_serializable("kclip")
class PostNormBlock(keras.layers.Layer):
    """Self-attention and a feed-forward network, each before a layer norm (Devlin et al. 2019).

    In contrast to KerasHub's `TransformerEncoder` its attention takes a bias.

    Args:
        num_heads: int. Attention heads; they divide the width C of the input.
        intermediate_dim: int. Width of the feed-forward network.
        activation: string or callable, of the feed-forward network.
        epsilon: float. Of both layer norms.
        dropout: float in [0, 1). After attention and feed-forward network.

    Call arguments:
        x: float tensor (B, L, C).
        bias: float tensor (1, num_heads, L, L), added to the scores of query and key.
        padding_mask: int tensor (B, L), 1 for a token; others are seen by none.

    Returns:
        A float tensor (B, L, C).

    Example:
    >>> x, bias = keras.ops.ones((3, 5, 8)), keras.ops.zeros((1, 2, 5, 5))
    >>> PostNormBlock(2, 32)(x, bias, keras.ops.ones((3, 5))).shape
    TensorShape([3, 5, 8])
    """

    def __init__(
        self, num_heads, intermediate_dim, activation="gelu", epsilon=1e-5, dropout=0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.epsilon = epsilon
        self.dropout_rate = dropout
        self.inner = self._dense(intermediate_dim, "inner", activation)
        self.attention_norm, self.output_norm = (
            keras.layers.LayerNormalization(epsilon=epsilon, name=name, dtype=self.dtype_policy)
            for name in ("attention_norm", "output_norm")
        )
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, x_shape, bias_shape=None, padding_mask_shape=None):
        dim = x_shape[-1]
        # Keras' `enable_lora` finds query and value by these names.
        self.query, self.key, self.value, self.attention_output, self.outer = (
            self._dense(dim, name)
            for name in ("query", "key", "value", "attention_output", "outer")
        )
        for layer in (self.query, self.key, self.value, self.attention_output, self.inner):
            layer.build((None, None, dim))
        for layer in (self.attention_norm, self.output_norm):
            layer.build((None, None, dim))
        self.outer.build((None, None, self.intermediate_dim))

    def call(self, x, bias, padding_mask, training=None):
        unseen = 1.0 - ops.cast(padding_mask, "float32")[:, None, None]
        heads = (self._heads(layer(x)) for layer in (self.query, self.key, self.value))
        attended = ops.reshape(attend(*heads, bias=bias - 1e9 * unseen), ops.shape(x))
        x = self._joined(x, self.attention_output(attended), self.attention_norm, training)
        return self._joined(x, self.outer(self.inner(x)), self.output_norm, training)

    def _joined(self, x, change, norm, training):
        return norm(x + self.dropout(change, training=training))

    def _heads(self, x):
        shape = ops.shape(x)
        dim = x.shape[-1] // self.num_heads
        return ops.transpose(ops.reshape(x, (-1, shape[1], self.num_heads, dim)), (0, 2, 1, 3))

    def _dense(self, dim, name, activation=None):
        return keras.layers.Dense(dim, activation, name=name, dtype=self.dtype_policy)

    def compute_output_shape(self, x_shape, bias_shape=None, padding_mask_shape=None):
        return x_shape

    def get_config(self):
        config = super().get_config()
        config.update(
            num_heads=self.num_heads,
            intermediate_dim=self.intermediate_dim,
            activation=keras.activations.serialize(self.inner.activation),
            epsilon=self.epsilon,
            dropout=self.dropout_rate,
        )
        return config
