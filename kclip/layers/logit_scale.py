import math

import keras
from keras import ops

MAX_SCALE = 100.0


@keras.saving.register_keras_serializable("kclip")
class MaxLogScale(keras.constraints.Constraint):
    """Holds a log scale at or below ln 100, after each update (CLIP, Section 2.5)."""

    def __call__(self, log_scale):
        return ops.minimum(log_scale, math.log(MAX_SCALE))


@keras.saving.register_keras_serializable("kclip")
class LogitScale(keras.layers.Layer):
    """Turns cosine similarities into logits: `similarity * exp(log_scale) + bias`.

    The scale is learned as its logarithm. Without a bias, as softmax losses want it, it is held at
    or below 100 by a weight constraint (CLIP, Section 2.5); with one, as SigLIP has it, it is free:
    SigLIP's own end above 100. Always float32, whatever the policy: float16 cannot tell logits near
    100 apart.

    Args:
        initial_scale: float > 0. 1 / 0.07 in CLIP (Section 2.5), 10 in SigLIP.
        initial_bias: float or None. SigLIP learns a bias that starts at -10; None: no bias.
        trainable: bool. False keeps the scale fixed (keras.io divides by a fixed 0.05).

    Call arguments:
        similarity: float tensor of any shape.

    Returns:
        A float32 tensor of the same shape.

    Example:
    >>> float(LogitScale(initial_scale=10.0)(keras.ops.convert_to_tensor(0.5)))
    5.0
    """

    def __init__(self, initial_scale=1 / 0.07, initial_bias=None, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.initial_scale = initial_scale
        self.initial_bias = initial_bias
        self.log_scale = self.add_weight(
            name="log_scale",
            shape=(),
            initializer=keras.initializers.Constant(math.log(initial_scale)),
            constraint=MaxLogScale() if initial_bias is None else None,
        )
        self.bias = None
        if initial_bias is not None:
            self.bias = self.add_weight(
                name="bias", shape=(), initializer=keras.initializers.Constant(initial_bias)
            )
        self.built = True

    @property
    def scale(self):
        """The factor itself, exp(log_scale): a float32 scalar tensor."""
        return ops.exp(self.log_scale)

    def call(self, similarity):
        logits = ops.cast(similarity, "float32") * self.scale
        return logits if self.bias is None else logits + self.bias

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(initial_scale=self.initial_scale, initial_bias=self.initial_bias)
        return config
