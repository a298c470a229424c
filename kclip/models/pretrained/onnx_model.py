from functools import cached_property

import numpy as np

from kclip.layers.logit_scale import LogitScale
from kclip.models.dual_encoder.image_text_model import ImageTextModel


class OnnxModel(ImageTextModel):
    """A model that `export_model` wrote as ONNX: for inference on CPUs, faster than in Keras.

    Only what embeds and compares is there: it has no layers, cannot be trained, and has no feature
    maps. Where the source model takes the mean of an image and its mirror image, the file does so.

    Args:
        image_model: `OnnxTower` from `image` to embeddings.
        text_model: `OnnxTower` from a text's tokens to embeddings.
        settings: dict of an export's `export.json`.

    Example:
    >>> model, preprocess, tokenize = kclip.load("exports/demo")
    >>> model.encode_text(tokenize(["a red circle"])).shape
    (1, 128)
    """

    def __init__(self, image_model, text_model, settings):
        self._towers = image_model, text_model
        self.settings = settings
        self.image_size = settings["image_size"]
        self.sequence_length = settings["sequence_length"]
        self.projection_dim = settings["projection_dim"]
        self.source_digest = settings.get("digest")  # of the model that was exported
        self.logit_scale = LogitScale(settings["logit_scale"], settings["logit_bias"])
        self.logit_scale.build((None, None))

    @cached_property
    def image_model(self):
        """The image's tower."""
        return self._towers[0]

    @cached_property
    def text_model(self):
        """The text's tower."""
        return self._towers[1]

    def get_weights(self):
        """The files' bytes, memory-mapped, for a digest of what embeddings depend on."""
        return [np.memmap(tower.path, np.uint8, mode="r") for tower in self._towers]
