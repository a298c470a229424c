import keras

from kclip.models.folder.preset_model import PresetModel


@keras.saving.register_keras_serializable("kclip")
class MultiLabelBaseline(PresetModel):
    """A network of `keras.applications` and a fully connected layer: MMM-CLIP's baseline.

    Chen et al. 2024, "Baseline": VGG16 or ResNet101, pretrained on ImageNet, then one layer that
    gives each class a logit of its own. Training images are mirrored, turned and zoomed at random,
    inside the model, so that nothing of it happens in use.

    Args:
        image_encoder: `kclip.models.ImageEncoder`, such as of "vgg16" or "resnet101".
        class_names: list of C strings.
        rotation: float in [0, 1]. The largest turn to either side, as a part of a full one.
        zoom: float in [0, 1). The largest zoom, in or out.
        dtype: dtype policy of the tower. The logits are float32 under any.

    Input: float tensor (B, image_size, image_size, 3), RGB in [0, 255].
    Output: float32 logits (B, C), whose sigmoid is each class's probability; train it by
    `keras.losses.BinaryCrossentropy(from_logits=True)`.

    Example:
    >>> tower = ImageEncoder("small_cnn", image_size=64)
    >>> model = MultiLabelBaseline(tower, ["cat", "dog"])
    >>> model(keras.ops.zeros((3, 64, 64, 3))).shape
    TensorShape([3, 2])
    """

    def __init__(self, image_encoder, class_names, rotation=0.05, zoom=0.1, dtype=None, **kwargs):
        # === Layers ===
        self.image_encoder = image_encoder
        # Float32 on purpose: half precision would round pixels and logits.
        self.augmentation = [
            keras.layers.RandomFlip("horizontal", dtype="float32", name="flip"),
            keras.layers.RandomRotation(rotation, dtype="float32", name="rotation"),
            keras.layers.RandomZoom((-zoom, zoom), dtype="float32", name="zoom"),
        ]
        self.classifier = keras.layers.Dense(len(class_names), dtype="float32", name="classifier")

        # === Functional Model ===
        image = keras.Input(image_encoder.input_shape[1:], name="image")
        x = image
        for layer in self.augmentation:
            x = layer(x)
        outputs = self.classifier(image_encoder(x))
        super().__init__(inputs=image, outputs=outputs, dtype=dtype, **kwargs)

        # === Config ===
        self.class_names = list(class_names)
        self.rotation = rotation
        self.zoom = zoom

    def call(self, inputs, training=None, mask=None):
        # Keras' random layers take None, as a plain call passes it, for training.
        return super().call(inputs, training=bool(training), mask=mask)

    def get_config(self):
        config = super().get_config()
        config.update(
            image_encoder=keras.saving.serialize_keras_object(self.image_encoder),
            class_names=self.class_names,
            rotation=self.rotation,
            zoom=self.zoom,
        )
        return config
