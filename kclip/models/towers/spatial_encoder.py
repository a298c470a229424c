import keras

from kclip.models.towers.frozen import FrozenInInference


class SpatialEncoder(FrozenInInference, keras.Model):
    """An image tower with its positions; it shares the tower's weights.

    Args:
        image_encoder: an `ImageTowerModel`, such as `kclip.models.ImageEncoder`. One that comes
            frozen always runs in inference mode, so freeze it before.

    Input: float tensor (B, S, S, 3), RGB in [0, 255].
    Outputs: dict of `features`, float (B, F), what the tower itself gives, and `spatial_map`,
    float (B, H, W, C): a network's last feature map, or a transformer's patches on their grid.

    Example:
    >>> tower = ImageEncoder("small_cnn", image_size=64)
    >>> SpatialEncoder(tower)(keras.ops.zeros((2, 64, 64, 3)))["spatial_map"].shape
    TensorShape([2, 4, 4, 192])
    """

    def __init__(self, image_encoder, **kwargs):
        outputs = {
            "features": image_encoder.output,
            "spatial_map": image_encoder.spatial_output,
        }
        super().__init__(
            inputs=image_encoder.input,
            outputs=outputs,
            trainable=image_encoder.trainable,
            **kwargs,
        )
