import keras
from keras import ops


@keras.saving.register_keras_serializable("kclip")
class PatchEmbedding(keras.layers.Layer):
    """From an image to a row of tokens: its patches, projected, with their positions added.

    Args:
        patch_size: int. Side of a patch in pixels; what is left over at the right and at the
            bottom is not looked at.
        hidden_dim: int. Width C of a token.
        class_token: bool. Put a learned token before the patches, whose projection then has no
            bias (CLIP); SigLIP has none, and a bias.

    Call arguments:
        images: float tensor (B, S, S, 3).

    Returns:
        A float tensor (B, L, C) of L = (S // patch_size)² tokens, and one more with the class
        token.

    Example:
    >>> PatchEmbedding(16, 8)(keras.ops.ones((2, 32, 32, 3))).shape
    TensorShape([2, 5, 8])
    """

    def __init__(self, patch_size, hidden_dim, class_token=True, **kwargs):
        super().__init__(**kwargs)
        self.projection = keras.layers.Conv2D(
            hidden_dim,
            patch_size,
            strides=patch_size,
            use_bias=not class_token,
            data_format="channels_last",
            dtype=self.dtype_policy,
        )
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.has_class_token = class_token

    def build(self, input_shape):
        self.projection.build(input_shape)
        self.num_patches = (input_shape[1] // self.patch_size) ** 2
        normal = keras.initializers.RandomNormal(stddev=self.hidden_dim**-0.5)
        self.positions = self.add_weight(
            name="positions",
            shape=(self.num_patches + self.has_class_token, self.hidden_dim),
            initializer=normal,
        )
        if self.has_class_token:
            self.class_token = self.add_weight(
                name="class_token", shape=(self.hidden_dim,), initializer=normal
            )

    def call(self, images):
        patches = self.projection(images)
        tokens = ops.reshape(patches, (-1, self.num_patches, self.hidden_dim))
        if self.has_class_token:
            first = ops.broadcast_to(self.class_token, (ops.shape(tokens)[0], 1, self.hidden_dim))
            tokens = ops.concatenate([first, tokens], axis=1)
        return tokens + self.positions

    def compute_output_shape(self, input_shape):
        num_patches = (input_shape[1] // self.patch_size) ** 2
        return (input_shape[0], num_patches + self.has_class_token, self.hidden_dim)

    def get_config(self):
        config = super().get_config()
        config.update(
            patch_size=self.patch_size,
            hidden_dim=self.hidden_dim,
            class_token=self.has_class_token,
        )
        return config
