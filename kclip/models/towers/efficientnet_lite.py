"""EfficientNet-Lite: EfficientNet (Tan and Le 2019) without what phones have no fast form of.

No squeeze-and-excitation, ReLU6 instead of swish, and a stem and a head that do not grow with the
network. Layers bear the names that their weights have in timm's state dicts.
"""

import keras

# Each of the seven stages halves the map in its first block, or does not (Tan and Le, Table 1).
STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)
STEM_STRIDE = 2


def efficientnet_lite(
    stem,
    stages,
    head,
    padding="same",
    epsilon=1e-3,
    include_top=False,
    weights=None,
    input_shape=(224, 224, 3),
):
    """An EfficientNet-Lite of any sizes, without its classifier.

    It follows the calling convention of `keras.applications`, of which it is no part.
    `kclip.models.pretrained.timm_efficientnet` reads sizes and weights from a folder of timm.

    Args:
        stem: int. Channels of the first convolution.
        stages: seven lists of int: blocks, kernel size, expansion factor, channels.
        head: int. Channels C of the last convolution.
        padding: "same", as TensorFlow pads (timm's `tf_` models), or "symmetric", as PyTorch does.
        epsilon: float. Of the batch normalisations; 1e-3 in TensorFlow's weights, 1e-5 in timm's.
        include_top: only False.
        weights: only None.
        input_shape: (H, W, 3).

    Returns:
        A `keras.Model` from float (B, H, W, 3), normalised, to (B, ~H / 32, ~W / 32, C).

    Raises:
        ValueError: another argument.

    Example:
    >>> stages = [[1, 3, 1, 8]] + 6 * [[1, 3, 2, 8]]
    >>> efficientnet_lite(8, stages, 16, input_shape=(64, 64, 3)).output_shape
    (None, 2, 2, 16)
    """
    if include_top or weights is not None:
        raise ValueError("efficientnet_lite has neither a classifier nor weights to download")
    if padding not in ("same", "symmetric") or len(stages) != len(STAGE_STRIDES):
        raise ValueError(
            f"padding is 'same' or 'symmetric' and there are {len(STAGE_STRIDES)} stages, got "
            f"{padding!r} and {len(stages)}"
        )
    layers = _Layers(padding, epsilon)
    inputs = keras.Input(input_shape)
    x = layers.convolution(inputs, stem, 3, "conv_stem", STEM_STRIDE)
    x = layers.activation(layers.norm(x, "bn1"))
    for stage, (blocks, kernel, expansion, filters) in enumerate(stages):
        for block in range(blocks):
            stride = STAGE_STRIDES[stage] if block == 0 else 1
            name = f"blocks.{stage}.{block}"
            x = layers.block(x, filters, kernel, expansion, stride, name)
    x = layers.convolution(x, head, 1, "conv_head")
    x = layers.activation(layers.norm(x, "bn2"))
    return keras.Model(inputs, x, name="efficientnet_lite")


class _Layers:
    """The layers of a network that share padding and epsilon."""

    def __init__(self, padding, epsilon):
        self.padding = padding
        self.epsilon = epsilon

    def block(self, x, filters, kernel, expansion, stride, name):
        """An inverted residual block; without the expansion where that is 1."""
        shortcut = x
        names = iter(("bn1", "bn2", "bn3"))
        if expansion != 1:
            x = self.convolution(x, expansion * x.shape[-1], 1, f"{name}.conv_pw")
            x = self.activation(self.norm(x, f"{name}.{next(names)}"))
        x = self.convolution(x, None, kernel, f"{name}.conv_dw", stride)
        x = self.activation(self.norm(x, f"{name}.{next(names)}"))
        last = "conv_pw" if expansion == 1 else "conv_pwl"
        x = self.norm(self.convolution(x, filters, 1, f"{name}.{last}"), f"{name}.{next(names)}")
        same = stride == 1 and shortcut.shape[-1] == filters
        return keras.layers.Add(name=name)([x, shortcut]) if same else x

    def convolution(self, x, filters, kernel, name, stride=1):
        """A convolution, of each channel by itself where `filters` is None."""
        padding = "same"
        if self.padding == "symmetric" and stride > 1:
            x = keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}.padding")(x)
            padding = "valid"
        options = {"strides": stride, "padding": padding, "use_bias": False, "name": name}
        if filters is None:
            return keras.layers.DepthwiseConv2D(kernel, **options)(x)
        return keras.layers.Conv2D(filters, kernel, **options)(x)

    def norm(self, x, name):
        return keras.layers.BatchNormalization(momentum=0.9, epsilon=self.epsilon, name=name)(x)

    def activation(self, x):
        return keras.layers.ReLU(6.0)(x)
