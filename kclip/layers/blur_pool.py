import keras
from keras import ops


@keras.saving.register_keras_serializable("kclip")
class BlurPool(keras.layers.Layer):
    """Halves a feature map after blurring it, so that it changes smoothly as the image shifts.

    The blur is the outer product of [1, 2, 1] / 4 with itself; the map is reflected at its border.
    Zhang, "Making Convolutional Networks Shift-Invariant Again" (2019), section 3.

    Input: float tensor (B, H, W, C) with H and W of 2 at least.
    Output: float tensor (B, ceil(H / 2), ceil(W / 2), C).

    Example:
    >>> BlurPool()(keras.ops.ones((1, 8, 8, 3))).shape
    TensorShape([1, 4, 4, 3])
    """

    def call(self, inputs):
        rows = ops.pad(inputs, [(0, 0), (1, 1), (0, 0), (0, 0)], mode="reflect")
        # A blur of two axes is one of each in turn, which weighs 3 + 3 positions, not 9.
        rows = (rows[:, :-2:2] + 2 * rows[:, 1:-1:2] + rows[:, 2::2]) / 4
        columns = ops.pad(rows, [(0, 0), (0, 0), (1, 1), (0, 0)], mode="reflect")
        return (columns[:, :, :-2:2] + 2 * columns[:, :, 1:-1:2] + columns[:, :, 2::2]) / 4

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, (height + 1) // 2, (width + 1) // 2, channels
