import keras
import numpy as np

from kclip.models.folder.preset_model import PresetModel
from kclip.models.towers.image_resizing import image_resizing


@keras.saving.register_keras_serializable("kclip")
class ImageClassifier(PresetModel):
    """An image tower with a new head, for fine-tuning on classes of one's own.

    The tower's average over positions, dropout, and one dense layer with a softmax: what the
    Politecnico report's section 6.3 does with Xception and EfficientNetB7.

    Args:
        image_encoder: `kclip.models.ImageEncoder`.
        class_names: list of C strings.
        dropout: float in [0, 1). On the tower's features, in training.
        resize: "squash" fits the whole image into the square; "crop" cuts out the middle.
        dtype: dtype policy of the tower. The probabilities are float32 under any.

    Input: float tensor (B, image_size, image_size, 3), RGB in [0, 255].
    Output: float32 probabilities (B, C).

    Example:
    >>> tower = ImageEncoder("small_cnn", image_size=64)
    >>> model = ImageClassifier(tower, ["cat", "dog"])
    >>> model(keras.ops.zeros((3, 64, 64, 3))).shape
    TensorShape([3, 2])
    """

    def __init__(
        self, image_encoder, class_names, dropout=0.2, resize="squash", dtype=None, **kwargs
    ):
        # === Layers ===
        self.image_encoder = image_encoder
        self.dropout = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")
        # Float32 on purpose: half precision rounds probabilities.
        self.probabilities = keras.layers.Dense(
            len(class_names), activation="softmax", dtype="float32", name="probabilities"
        )
        self.resizing = image_resizing(image_encoder.image_size, resize)

        # === Functional Model ===
        image = keras.Input(image_encoder.input_shape[1:], name="image")
        outputs = self.probabilities(self.dropout(image_encoder(image)))
        super().__init__(inputs=image, outputs=outputs, dtype=dtype, **kwargs)

        # === Config ===
        self.class_names = list(class_names)
        self.resize_mode = resize

    def prepare(self, image):
        """Brings one Pillow image of mode RGB to the model's size: uint8 (S, S, 3)."""
        return np.asarray(self.resizing(np.asarray(image)))

    def get_config(self):
        config = super().get_config()
        config.update(
            image_encoder=keras.saving.serialize_keras_object(self.image_encoder),
            class_names=self.class_names,
            dropout=self.dropout.rate,
            resize=self.resize_mode,
        )
        return config
