import keras

from kclip.models.towers.frozen import FrozenInInference


class SpatialEncoder(FrozenInInference, keras.Model):
    """An image tower up to its last feature map; it shares the tower's weights.

    Args:
        image_encoder: `kclip.models.ImageEncoder`. One that comes frozen always runs in inference
            mode, so freeze it before.

    Input: float tensor (B, S, S, 3), RGB in [0, 255].
    Output: float tensor (B, H, W, C).

    Example:
    >>> tower = ImageEncoder("small_cnn", image_size=64)
    >>> SpatialEncoder(tower)(keras.ops.zeros((2, 64, 64, 3))).shape
    TensorShape([2, 4, 4, 192])
    """

    def __init__(self, image_encoder, **kwargs):
        image = keras.Input(image_encoder.input_shape[1:], name="image")
        features = image_encoder.backbone(image_encoder.preprocessing(image))
        super().__init__(
            inputs=image, outputs=features, trainable=image_encoder.trainable, **kwargs
        )
