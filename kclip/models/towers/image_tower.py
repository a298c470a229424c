import keras_hub

from kclip.models.towers.frozen import FrozenInInference


class ImageTowerModel(FrozenInInference, keras_hub.models.Backbone):
    """What every image tower is, whatever network it holds.

    Input: float tensor (B, S, S, 3), RGB in [0, 255]; the tower normalises by itself.
    Output: float tensor (B, F), one vector an image.

    Subclass it, and set in the constructor

    * `spatial_output`: the Keras tensor (B, H, W, C) of the image's positions on their grid, which
      `SpatialEncoder` gives;
    * `backbone_name`: string, how reports call the network;
    * `blocks`: list of lists of layers, from the input on, of which the last ones may be trained
      alone; what they leave out has no weights;
    * `transformer_blocks`: list of those layers of them that are a transformer's repeated part.
    """

    @property
    def image_size(self):
        """Height and width S of the input in pixels."""
        return self.input_shape[1]

    @property
    def feature_dim(self):
        """Width F of the output."""
        return self.output_shape[-1]
