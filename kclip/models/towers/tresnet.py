"""TResNet. Ridnik et al., "TResNet: High Performance GPU-Dedicated Architecture" (2020).

Layers bear the names that their weights have in timm's and ML_Decoder's state dicts.
"""

import keras

from kclip.layers.blur_pool import BlurPool

# A block of the kind "basic" has as many channels as its stage has planes, a bottleneck 4 times.
EXPANSION = {"basic": 1, "bottleneck": 4}

# The map, a quarter of the image, is halved three times, and reflected where it has two positions.
SMALLEST_IMAGE = 20


def tresnet_m(include_top=False, weights=None, input_shape=(224, 224, 3)):
    """TResNet-M without its classifier: 29 M weights, made for speed in training.

    It follows the calling convention of `keras.applications`, of which it is no part.
    `kclip.models.towers.tresnet_weights.load_tresnet_weights` fills it with published weights.

    Args:
        include_top: only False.
        weights: only None.
        input_shape: (H, W, 3), H and W multiples of 4 and 20 at least.

    Returns:
        A `keras.Model` from float (B, H, W, 3), RGB in [0, 1], to (B, ~H / 32, ~W / 32, 2048).

    Raises:
        ValueError: another argument.

    Example:
    >>> tresnet_m().output_shape
    (None, 7, 7, 2048)
    """
    if include_top or weights is not None:
        raise ValueError("tresnet_m has neither a classifier nor weights that Keras downloads")
    blocks = ("basic", "basic", "bottleneck", "bottleneck")
    return tresnet(blocks, (3, 4, 11, 3), 64, input_shape, name="tresnet_m")


def tresnet(blocks, depths, planes, input_shape, name="tresnet"):
    """A TResNet of any width and depth. Section 2 and table 1 of the paper.

    Args:
        blocks: "basic" or "bottleneck" for each of the four stages.
        depths: int for each stage, its number of blocks.
        planes: int. Width of the first stage's 3x3 convolutions; each stage doubles it.
        input_shape: (H, W, 3), H and W multiples of 4 and 20 at least.
        name: of the model.

    Returns:
        A `keras.Model` from float (B, H, W, 3) to the last feature map.

    Raises:
        ValueError: the image is too small or no multiple of 4.
    """
    height, width, _ = input_shape
    if height % 4 or width % 4 or min(height, width) < SMALLEST_IMAGE:
        raise ValueError(f"height and width should be multiples of 4 and {SMALLEST_IMAGE} at least")
    inputs = keras.Input(input_shape)
    x = _convolution(_space_to_depth(inputs), planes, 3, "conv1", slope=1e-2)
    for stage, (kind, depth) in enumerate(zip(blocks, depths, strict=True)):
        for index in range(depth):
            halve = stage > 0 and index == 0
            squeeze = stage < len(blocks) - 1
            block = f"layer{stage + 1}.{index}"
            x = _block(x, kind, planes * 2**stage, halve, squeeze, block)
    return keras.Model(inputs, x, name=name)


def _space_to_depth(x):
    """Each 4x4 patch becomes one place, its pixels one after the other (section 2.1.1)."""
    _, height, width, channels = x.shape
    x = keras.layers.Reshape((height // 4, 4, width // 4, 4, channels))(x)
    x = keras.layers.Permute((1, 3, 2, 4, 5))(x)
    return keras.layers.Reshape((height // 4, width // 4, 16 * channels), name="s2d")(x)


def _block(x, kind, planes, halve, squeeze, name):
    channels = planes * EXPANSION[kind]
    shortcut = _shortcut(x, channels, halve, name)
    if kind == "basic":
        x = _halving_convolution(x, planes, halve, f"{name}.conv1")
        x = _convolution(x, planes, 3, f"{name}.conv2", gamma="zeros")
        x = _squeeze_and_excite(x, planes // 4, f"{name}.se") if squeeze else x
    else:
        x = _convolution(x, planes, 1, f"{name}.conv1", slope=1e-3)
        x = _halving_convolution(x, planes, halve, f"{name}.conv2")
        x = _squeeze_and_excite(x, planes // 2, f"{name}.se") if squeeze else x
        x = _convolution(x, channels, 1, f"{name}.conv3", gamma="zeros")
    return keras.layers.ReLU(name=name)(keras.layers.Add()([x, shortcut]))


def _shortcut(x, channels, halve, name):
    if not halve and x.shape[-1] == channels:
        return x
    if halve:
        # "same" pads an odd map at its end only and leaves the padding out of the average.
        x = keras.layers.AveragePooling2D(2, padding="same")(x)
    # Its place among the shortcut's modules, of which the pooling is one.
    return _convolution(x, channels, 1, f"{name}.downsample.{int(halve)}")


def _halving_convolution(x, filters, halve, name):
    x = _convolution(x, filters, 3, name, slope=1e-3)
    return BlurPool(name=f"{name}.aa")(x) if halve else x


def _convolution(x, filters, size, name, slope=None, gamma="ones"):
    """Convolution, normalisation and, where there is a slope, leaky ReLU.

    The last normalisation of a block starts with gamma="zeros": the block as the identity.
    """
    start = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
    convolution = keras.layers.Conv2D(
        filters,
        size,
        padding="same",
        use_bias=False,
        kernel_initializer=start,
        name=f"{name}.conv",
    )
    normalisation = keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, gamma_initializer=gamma, name=f"{name}.bn"
    )
    x = normalisation(convolution(x))
    return x if slope is None else keras.layers.LeakyReLU(slope, name=f"{name}.act")(x)


def _squeeze_and_excite(x, hidden, name):
    """Scales each channel by a gate computed from all channels' averages (section 2.1.4)."""
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = keras.layers.Conv2D(max(hidden, 64), 1, activation="relu", name=f"{name}.fc1")(gate)
    gate = keras.layers.Conv2D(x.shape[-1], 1, activation="sigmoid", name=f"{name}.fc2")(gate)
    return keras.layers.Multiply(name=name)([x, gate])
