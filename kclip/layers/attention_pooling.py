import keras
from keras import ops

from kclip.layers.attention import attend
from kclip.layers.feed_forward import FeedForward


@keras.saving.register_keras_serializable("kclip")
class AttentionPooling(keras.layers.Layer):
    """One vector of many tokens, by a learned query: the head of SigLIP's image tower.

    Zhai et al. 2022, "Scaling Vision Transformers", Section 3.2.

    Args:
        num_heads: int. Attention heads; they divide the width C of the input.
        intermediate_dim, activation, epsilon: of the `FeedForward` that follows.

    Call arguments:
        x: float tensor (B, L, C).

    Returns:
        A float tensor (B, C).

    Example:
    >>> AttentionPooling(2, 32, "gelu_tanh", 1e-6)(keras.ops.ones((3, 5, 8))).shape
    TensorShape([3, 8])
    """

    def __init__(self, num_heads, intermediate_dim, activation, epsilon, **kwargs):
        super().__init__(**kwargs)
        self.feed_forward = FeedForward(
            intermediate_dim, activation, epsilon, dtype=self.dtype_policy
        )
        self.num_heads = num_heads

    def build(self, input_shape):
        dim = input_shape[-1]
        self.probe = self.add_weight(name="probe", shape=(1, dim), initializer="random_normal")
        self.query = keras.layers.Dense(dim, dtype=self.dtype_policy)
        self.key_value = keras.layers.Dense(2 * dim, dtype=self.dtype_policy)
        self.attention_output = keras.layers.Dense(dim, dtype=self.dtype_policy)
        for layer in (self.query, self.key_value, self.attention_output, self.feed_forward):
            layer.build((None, dim))

    def call(self, x):
        shape, dim = ops.shape(x), x.shape[-1]
        head_dim = dim // self.num_heads
        heads = self.key_value(ops.reshape(x, (-1, dim)))
        heads = ops.reshape(heads, (-1, shape[1], 2, self.num_heads, head_dim))
        keys, values = ops.unstack(ops.transpose(heads, (2, 0, 3, 1, 4)), 2)
        # One query serves every image: the product broadcasts it over the batch.
        query = ops.reshape(self.query(self.probe), (1, self.num_heads, 1, head_dim))
        return self.feed_forward(self.attention_output(attend(query, keys, values)))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def get_config(self):
        config = super().get_config()
        config.update(
            num_heads=self.num_heads,
            intermediate_dim=self.feed_forward.intermediate_dim,
            activation=self.feed_forward.activation,
            epsilon=self.feed_forward.norm.epsilon,
        )
        return config
