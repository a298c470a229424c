import keras
import keras_hub
import numpy as np

from kclip.models.model_folder import check_model_folder, load_preset


@keras.saving.register_keras_serializable("kclip")
class ImageClassifier(keras_hub.models.Backbone):
    """An image tower with a new head, for fine-tuning on classes of one's own.

    The tower's average over places, dropout, and one dense layer with a softmax: what the
    Politecnico report's section 6.3 does with Xception and EfficientNetB7.

    Args:
        image_encoder: `kclip.models.ImageEncoder`.
        class_names: list of C strings.
        dropout: float in [0, 1). On the tower's features, in training.
        resize: "squash" fits the whole picture into the square; "crop" cuts out the middle.
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
        self.resizing = keras.layers.Resizing(
            image_encoder.image_size,
            image_encoder.image_size,
            interpolation="bicubic",
            crop_to_aspect_ratio=resize == "crop",
            antialias=True,
            dtype="float32",
            name="resizing",
        )

        # === Functional Model ===
        image = keras.Input(image_encoder.input_shape[1:], name="image")
        outputs = self.probabilities(self.dropout(image_encoder(image)))
        super().__init__(inputs=image, outputs=outputs, dtype=dtype, **kwargs)

        # === Config ===
        self.class_names = list(class_names)
        self.resize_mode = resize

    def prepare(self, picture):
        """Brings one Pillow image of mode RGB to the model's size: float32 (S, S, 3)."""
        return np.asarray(self.resizing(np.asarray(picture)))

    def get_config(self):
        config = super().get_config()
        config.update(
            image_encoder=keras.saving.serialize_keras_object(self.image_encoder),
            class_names=self.class_names,
            dropout=self.dropout.rate,
            resize=self.resize_mode,
        )
        return config

    @classmethod
    def from_config(cls, config):
        config = config.copy()
        if config.get("trainable"):
            del config["trainable"]  # on JAX, Keras would hand it down to a tower that is frozen
        encoder = config["image_encoder"]
        if isinstance(encoder, dict):
            # One dtype for the whole model: a caller may load it in another than it was saved.
            encoder = {**encoder, "config": {**encoder["config"], "dtype": config.get("dtype")}}
            config["image_encoder"] = keras.saving.deserialize_keras_object(encoder)
        return super().from_config(config)

    @classmethod
    def from_preset(cls, preset, load_weights=True, **kwargs):
        """Loads a model folder.

        Args:
            preset: string or Path. A folder written by `save_to_preset`.
            load_weights: bool. False leaves the weights random.
            **kwargs: changes to the config, such as `dtype="float32"`.

        Raises:
            UserError: the folder is missing, holds another kind of model, names a class that a
                kclip model has no use for, or its weights do not fit its config.
        """
        preset = str(preset)  # KerasHub takes no Path
        check_model_folder(preset, "kclip>ImageClassifier")
        load = super().from_preset
        return load_preset(preset, lambda: load(preset, load_weights=load_weights, **kwargs))
