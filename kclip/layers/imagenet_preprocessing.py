import keras
from keras import ops


@keras.saving.register_keras_serializable("kclip")
class ImagenetPreprocessing(keras.layers.Layer):
    """The input convention of a network's weights, as a layer inside the model.

    Args:
        mode: "tf" scales to [-1, 1], "torch" to [0, 1] less ImageNet's mean, divided by its
            standard deviation, "caffe" flips to BGR and subtracts ImageNet's mean; "unit" scales
            to [0, 1]; None leaves the pixels, for networks that rescale by themselves.
        mean, std: three floats each, for pixels in [0, 1], instead of a mode.

    Call arguments:
        images: float tensor (B, H, W, 3), RGB in [0, 255].

    Returns:
        A float tensor (B, H, W, 3).

    Example:
    >>> layer = ImagenetPreprocessing("tf")
    >>> float(keras.ops.max(layer(keras.ops.full((1, 2, 2, 3), 255.0))))
    1.0
    """

    def __init__(self, mode=None, mean=None, std=None, **kwargs):
        # Keras would round the pixels to half precision before `call` sees them.
        super().__init__(autocast=False, **kwargs)
        self.mode = mode
        self.mean = mean
        self.std = std

    def call(self, images):
        if self.mode is None and self.mean is None:
            return images
        # In float32: bfloat16 has no numbers between 128 and 129.
        pixels = ops.cast(images, "float32")
        if self.mean is not None:
            pixels = (pixels / 255 - ops.array(self.mean)) / ops.array(self.std)
            return ops.cast(pixels, self.compute_dtype)
        if self.mode == "unit":
            return ops.cast(pixels / 255, self.compute_dtype)
        pixels = keras.applications.imagenet_utils.preprocess_input(
            pixels, data_format="channels_last", mode=self.mode
        )
        return ops.cast(pixels, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mode": self.mode, "mean": self.mean, "std": self.std}
