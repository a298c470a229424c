import keras
from keras import ops


@keras.saving.register_keras_serializable("kclip")
class PatchEmbedding(keras.layers.Layer):
    """From an image to a row of tokens: its patches, projected, with their positions added.

    Args:
        patch_size: int. Side of a patch in pixels; what is left over at the right and at the
            bottom is not looked at.
        hidden_dim: int. Width C of a token.
        class_token: bool. Put a learned token before the patches.
        use_bias: bool or None. Whether the projection has a bias; None: where there is no class
            token (SigLIP, and not CLIP).
        distillation_token: bool. Put another one after the class token (DeiT).
        num_registers: int. Learned tokens after these, without positions (Darcet et al. 2024).

    Call arguments:
        images: float tensor (B, S, S, 3).

    Returns:
        A float tensor (B, L, C) of the `num_prefix` learned tokens, if there are any, and one for
        each of the (S // patch_size)² patches.

    Example:
    >>> PatchEmbedding(16, 8)(keras.ops.ones((2, 32, 32, 3))).shape
    TensorShape([2, 5, 8])
    """

    def __init__(
        self,
        patch_size,
        hidden_dim,
        class_token=True,
        use_bias=None,
        distillation_token=False,
        num_registers=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        use_bias = not class_token if use_bias is None else use_bias
        self.projection = keras.layers.Conv2D(
            hidden_dim,
            patch_size,
            strides=patch_size,
            use_bias=use_bias,
            data_format="channels_last",
            dtype=self.dtype_policy,
        )
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.has_class_token = class_token
        self.has_distillation_token = distillation_token
        self.num_registers = num_registers

    @property
    def num_prefix(self):
        """How many tokens stand before the patches."""
        return self.has_class_token + self.has_distillation_token + self.num_registers

    def build(self, input_shape):
        self.projection.build(input_shape)
        self.num_patches = (input_shape[1] // self.patch_size) ** 2
        normal = keras.initializers.RandomNormal(stddev=self.hidden_dim**-0.5)
        self.positions = self.add_weight(
            name="positions",
            shape=(self.num_patches + self.num_prefix - self.num_registers, self.hidden_dim),
            initializer=normal,
        )
        shapes = {
            "class_token": (self.hidden_dim,) if self.has_class_token else None,
            "distillation_token": (self.hidden_dim,) if self.has_distillation_token else None,
            "registers": (self.num_registers, self.hidden_dim) if self.num_registers else None,
        }
        for name, shape in shapes.items():
            if shape:
                setattr(self, name, self.add_weight(name=name, shape=shape, initializer=normal))

    def call(self, images):
        patches = self.projection(images)
        tokens = ops.reshape(patches, (-1, self.num_patches, self.hidden_dim))
        if self.has_distillation_token:
            tokens = self._after(self.distillation_token[None], tokens)
        if self.has_class_token:
            tokens = self._after(self.class_token[None], tokens)
        tokens = tokens + self.positions
        if not self.num_registers:
            return tokens
        first = self.num_prefix - self.num_registers
        rest = self._after(self.registers, tokens[:, first:])
        return ops.concatenate([tokens[:, :first], rest], axis=1)

    def _after(self, rows, tokens):
        """The tokens (B, L, C) behind the rows (P, C), which are the same for all images."""
        shape = (ops.shape(tokens)[0], rows.shape[0], self.hidden_dim)
        return ops.concatenate([ops.broadcast_to(rows, shape), tokens], axis=1)

    def compute_output_shape(self, input_shape):
        num_patches = (input_shape[1] // self.patch_size) ** 2
        return (input_shape[0], num_patches + self.num_prefix, self.hidden_dim)

    def get_config(self):
        config = super().get_config()
        config.update(
            patch_size=self.patch_size,
            hidden_dim=self.hidden_dim,
            class_token=self.has_class_token,
            use_bias=self.projection.use_bias,
            distillation_token=self.has_distillation_token,
            num_registers=self.num_registers,
        )
        return config
