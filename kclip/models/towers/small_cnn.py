import keras


def small_cnn(include_top=False, weights=None, input_shape=(64, 64, 3)):
    """A convolutional network of 0.3 M weights that learns small, simple images in minutes.

    Four stages of 3x3 convolution, batch normalisation and ReLU, each of half the resolution
    before it. It follows the calling convention of `keras.applications`, of which it is no part:
    there are no weights to load and no classifier.

    Args:
        include_top: only False.
        weights: only None.
        input_shape: (H, W, 3).

    Returns:
        A `keras.Model` from (B, H, W, 3) to (B, H / 16, W / 16, 192).
    """
    if include_top or weights is not None:
        raise ValueError("small_cnn has neither a classifier nor published weights")
    inputs = keras.Input(input_shape)
    x = inputs
    for filters in (32, 64, 128, 192):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        # Short trainings end before Keras' default of 0.99 has forgotten the first batches.
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.ReLU()(x)
    return keras.Model(inputs, x, name="small_cnn")
