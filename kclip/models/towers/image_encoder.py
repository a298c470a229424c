import inspect
from pathlib import Path

import keras

from kclip.console.offline import downloads_of_keras
from kclip.errors import UserError
from kclip.layers.imagenet_preprocessing import ImagenetPreprocessing
from kclip.models.folder.dtype_scope import dtype_scope
from kclip.models.towers.application_weights import load_application_weights, load_classifier
from kclip.models.towers.efficientnet_lite import efficientnet_lite
from kclip.models.towers.image_tower import ImageTowerModel
from kclip.models.towers.small_cnn import small_cnn
from kclip.models.towers.tresnet import tresnet_m
from kclip.models.towers.tresnet_weights import load_tresnet_weights

# name -> constructor: every network of keras.applications, and kclip's own.
BACKBONES = {
    name.lower(): constructor
    for name, constructor in vars(keras.applications).items()
    if inspect.isfunction(constructor)
} | {
    "small_cnn": small_cnn,
    "tresnet_m": tresnet_m,
    "efficientnet_lite": efficientnet_lite,
}

POOLINGS = {"avg": keras.layers.GlobalAveragePooling2D, "flatten": keras.layers.Flatten}

# What a network's weights were trained on, in pixels; DEFAULT_SIZE where nothing stands here.
IMAGE_SIZES = {
    "small_cnn": 64,
    "xception": 299,
    "inceptionv3": 299,
    "inceptionresnetv2": 299,
    "nasnetlarge": 331,
    "efficientnetb1": 240,
    "efficientnetb2": 260,
    "efficientnetb3": 300,
    "efficientnetb4": 380,
    "efficientnetb5": 456,
    "efficientnetb6": 528,
    "efficientnetb7": 600,
    "efficientnetv2b1": 240,
    "efficientnetv2b2": 260,
    "efficientnetv2b3": 300,
    "efficientnetv2s": 384,
    "efficientnetv2m": 480,
    "efficientnetv2l": 480,
}
DEFAULT_SIZE = 224

# Networks that are missing here rescale their input by themselves.
_PREPROCESSING_MODES = {
    "xception": "tf",
    "mobilenet": "tf",
    "mobilenetv2": "tf",
    "inceptionv3": "tf",
    "inceptionresnetv2": "tf",
    "nasnetlarge": "tf",
    "nasnetmobile": "tf",
    "resnet50v2": "tf",
    "resnet101v2": "tf",
    "resnet152v2": "tf",
    "small_cnn": "tf",
    "vgg16": "caffe",
    "vgg19": "caffe",
    "resnet50": "caffe",
    "resnet101": "caffe",
    "resnet152": "caffe",
    "densenet121": "torch",
    "densenet169": "torch",
    "densenet201": "torch",
    "tresnet_m": "unit",
}


@keras.saving.register_keras_serializable("kclip")
class ImageEncoder(ImageTowerModel):
    """The image tower: a `keras.applications` network, its own preprocessing inside, pooled.

    It is stored by its name and plain numbers. A frozen one (`trainable = False`) always runs in
    inference mode, so that its features are constants.

    Args:
        backbone: string. A network of `keras.applications` in any case ("xception", "MobileNet",
            "efficientnetb7", ...), "tresnet_m" (TResNet-M), "efficientnet_lite", or "small_cnn",
            for small images.
        image_size: int or None. Height and width S of the input in pixels; None: those that the
            network was published for.
        alpha: float or None. Width multiplier of the MobileNets.
        pooling: "avg", the average over the last feature map; "flatten", the map as it is, for
            small maps whose positions matter.
        weights: None (random), "imagenet" (downloaded by Keras), or the path of a weights file of
            the same network, with its classifier or without; for "tresnet_m" also the folder of
            timm's `model.safetensors`. Not part of the config.
        sizes: dict or None. Numbers that "efficientnet_lite" is built from.
        normalization: dict or None. `mean` and `std` of pixels in [0, 1], three floats each, where
            they are not those that the network's name stands for.
        dtype: dtype policy.

    Input: float tensor (B, S, S, 3), RGB in [0, 255].
    Output: float tensor (B, F). The feature map, (B, H, W, C), is a `SpatialEncoder`'s.

    Raises:
        UserError: the name is unknown, or the weights do not fit it.

    Example:
    >>> encoder = ImageEncoder("mobilenet", image_size=96, alpha=0.25)
    >>> encoder(keras.ops.zeros((2, 96, 96, 3))).shape
    TensorShape([2, 256])
    """

    def __init__(
        self,
        backbone,
        image_size=None,
        alpha=None,
        pooling="avg",
        weights=None,
        sizes=None,
        normalization=None,
        dtype=None,
        **kwargs,
    ):
        # === Layers ===
        name = _known_name(backbone)
        image_size = image_size or IMAGE_SIZES.get(name, DEFAULT_SIZE)
        how = normalization or {"mode": _PREPROCESSING_MODES.get(name)}
        self.preprocessing = ImagenetPreprocessing(**how, dtype=dtype, name="preprocessing")
        options = dict(sizes or {}) | ({} if alpha is None else {"alpha": alpha})
        with dtype_scope(dtype):
            self.backbone = _build_backbone(name, image_size, options, weights)
            self.pooling = POOLINGS[pooling](name="pooling")

        # === Functional Model ===
        image = keras.Input((image_size, image_size, 3), name="image")
        spatial_map = self.backbone(self.preprocessing(image))
        features = self.pooling(spatial_map)
        super().__init__(inputs=image, outputs=features, dtype=dtype, **kwargs)

        # === Config ===
        self.spatial_output = spatial_map
        self.backbone_name = name
        self.alpha = alpha
        self.pooling_name = pooling
        self.sizes = sizes
        self.normalization = normalization

    @property
    def blocks(self):
        """See `ImageTowerModel`: each of the network's layers that has weights."""
        return [[layer] for layer in self.backbone.layers if layer.weights]

    @property
    def transformer_blocks(self):
        """See `ImageTowerModel`: none, whatever network it is."""
        return []

    def enable_lora(self, rank, alpha=None):
        """Is for transformers: raises a `UserError`."""
        raise UserError(
            "low-rank adapters are for the attention of transformers, which "
            f"{self.backbone_name!r} has not; train its last layers instead (last:N)"
        )

    def get_config(self):
        config = super().get_config()
        config.update(
            backbone=self.backbone_name,
            image_size=self.image_size,
            alpha=self.alpha,
            pooling=self.pooling_name,
            sizes=self.sizes,
            normalization=self.normalization,
        )
        return config


def imagenet_classifier(backbone, weights, alpha=None):
    """The `Classifier` of ImageNet that belongs to a backbone's features; arguments as above.

    Raises:
        UserError: the weights have none.
    """
    options = {} if alpha is None else {"alpha": alpha}
    with downloads_of_keras(f"the {weights} weights of {backbone!r}"):
        return load_classifier(BACKBONES[_known_name(backbone)], options, weights)


def _known_name(backbone):
    name = backbone.lower()
    if name not in BACKBONES:
        raise UserError(
            f"there is no image backbone {backbone!r}; choose one of "
            f"{', '.join(sorted(BACKBONES))}, or give a folder of timm's EfficientNet-Lite or of "
            "Hugging Face's ViT, DeiT or DINOv2"
        )
    return name


def _build_backbone(name, image_size, options, weights):
    constructor = BACKBONES[name]
    parameters = inspect.signature(constructor).parameters
    if "alpha" in set(options) - set(parameters):
        raise UserError(
            f"alpha={options['alpha']} was given, but {name!r} has no width multiplier; leave it"
        )
    if "stages" in set(parameters) - set(options):
        raise UserError(
            f"the sizes of {name!r} stand in a folder of timm (config.json, model.safetensors); "
            "give that folder as the backbone"
        )
    shape = (image_size, image_size, 3)
    try:
        if weights in (None, "imagenet"):
            with downloads_of_keras(f"the {weights} weights of {name!r}"):
                return constructor(include_top=False, weights=weights, input_shape=shape, **options)
        if name == "tresnet_m" and Path(weights).is_dir():
            return load_tresnet_weights(constructor(input_shape=shape), weights)
        return load_application_weights(constructor, shape, options, weights)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"cannot build {name!r} at {image_size} pixels: {error}") from error
    except Exception as error:  # what Keras raises where a download fails
        reason = str(error).splitlines()[0]
        raise UserError(
            f"the {weights} weights of {name!r} cannot be had ({reason}); without network, give a "
            "weights file, or None for random ones"
        ) from error
