import keras
from keras import ops


def quick_gelu(x):
    """`x * sigmoid(1.702 x)`, the approximation that OpenAI trained CLIP with."""
    return x * ops.sigmoid(1.702 * x)


ACTIVATIONS = {
    "quick_gelu": quick_gelu,
    "gelu": lambda x: ops.gelu(x, approximate=False),
    "gelu_tanh": lambda x: ops.gelu(x, approximate=True),
}


@keras.saving.register_keras_serializable("kclip")
class FeedForward(keras.layers.Layer):
    """The second half of a transformer block: `x + Dense(activation(Dense(LayerNorm(x))))`.

    Args:
        intermediate_dim: int. Width between the dense layers.
        activation: "quick_gelu" (OpenAI's CLIP), "gelu", the exact one (LAION's), or "gelu_tanh"
            (SigLIP).
        epsilon: float. Of the layer norm.
        layer_scale: bool. Whether each channel of what is added has a learned factor (Touvron et
            al. 2021, "Going Deeper with Image Transformers", Equation 3).

    Call arguments:
        x: float tensor (N, C).

    Returns:
        A float tensor (N, C).

    Example:
    >>> FeedForward(32, "gelu", 1e-5)(keras.ops.ones((2, 8))).shape
    TensorShape([2, 8])
    """

    def __init__(self, intermediate_dim, activation, epsilon, layer_scale=False, **kwargs):
        super().__init__(**kwargs)
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, dtype=self.dtype_policy)
        self.inner = keras.layers.Dense(intermediate_dim, dtype=self.dtype_policy)
        self.activation = activation
        self.intermediate_dim = intermediate_dim
        self.layer_scale = layer_scale

    def build(self, input_shape):
        dim = input_shape[-1]
        self.norm.build(input_shape)
        self.inner.build(input_shape)
        self.outer = keras.layers.Dense(dim, dtype=self.dtype_policy)
        self.outer.build((None, self.intermediate_dim))
        if self.layer_scale:
            self.scale = self.add_weight(name="scale", shape=(dim,), initializer="ones")

    def call(self, x):
        change = self.outer(ACTIVATIONS[self.activation](self.inner(self.norm(x))))
        return x + (change * self.scale if self.layer_scale else change)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(
            intermediate_dim=self.intermediate_dim,
            activation=self.activation,
            epsilon=self.norm.epsilon,
            layer_scale=self.layer_scale,
        )
        return config
