"""From a name or a folder to an image tower."""

from pathlib import Path

from kclip.errors import UserError
from kclip.models.pretrained.converted_backbones import converted_classifier, load_converted
from kclip.models.pretrained.converted_families import NAMES, TRANSFORMERS, converter_of
from kclip.models.pretrained.huggingface_vit import MODEL_TYPES, load_huggingface_vit
from kclip.models.pretrained.image_settings import read_resize_mode
from kclip.models.pretrained.json_files import read_object_if_there
from kclip.models.pretrained.keras_hub_image import (
    image_family,
    keras_hub_resize_mode,
    load_keras_hub_image,
)
from kclip.models.pretrained.timm_efficientnet import (
    ARCHITECTURE,
    efficientnet_lite_sizes,
    fill_efficientnet_lite,
    timm_classifier,
)
from kclip.models.towers.image_encoder import ImageEncoder, imagenet_classifier
from kclip.models.towers.position_interpolation import resized
from kclip.reading import in_one_sentence

_CONFIG = "config.json"


def load_image_encoder(backbone, image_size=None, weights=None, pooling="avg", **options):
    """An image tower with the weights that it names.

    Args:
        backbone: string. A network by its name, as `ImageEncoder` takes it, or a folder that holds
            its weights (`config.json` and `model.safetensors`): timm's EfficientNet-Lite,
            EfficientNet, ResNet, MobileNetV3 or HGNetV2, or Hugging Face's ViT, DeiT, DINOv2,
            DINOv3 or Swin; or a preset of KerasHub's `FAMILIES`, by its name or in a folder.
        image_size: int or None. Height and width of the input in pixels; None: those that the
            network was trained with. A transformer's positions are interpolated.
        weights: of a network by its name; see `ImageEncoder`.
        pooling: of a network that is no transformer; see `ImageEncoder`.
        **options: further arguments of `ImageEncoder`, such as `alpha` and `dtype`.

    Raises:
        UserError: the name is unknown, the folder is of another kind or damaged, or weights were
            given twice.

    Example:
    >>> load_image_encoder("small_cnn", weights=None).image_size
    64
    """
    with in_one_sentence(f"the image backbone {str(backbone)!r}", "give another, or copy it again"):
        return _load(backbone, image_size, weights, pooling, options)


def _load(backbone, image_size, weights, pooling, options):
    if family := image_family(backbone):
        _refuse_given_twice(backbone, weights, options)
        refuse_pooling(backbone, pooling)
        return load_keras_hub_image(backbone, family, image_size, **_without_alpha(options))
    if not Path(backbone).is_dir():
        return ImageEncoder(backbone, image_size, weights=weights, pooling=pooling, **options)
    _refuse_given_twice(backbone, weights, options)
    options = _without_alpha(options)
    if _config(backbone).get("model_type") in MODEL_TYPES:
        refuse_pooling(backbone, pooling)
        return resized(load_huggingface_vit(backbone, **options), image_size)
    if converter_of(_config(backbone)):
        refuse_pooling(backbone, pooling)
        return load_converted(backbone, image_size, **options)
    config = _timm_config(backbone)
    trained_with = config["pretrained_cfg"]
    encoder = ImageEncoder(
        "efficientnet_lite",
        image_size or trained_with["input_size"][-1],
        sizes=efficientnet_lite_sizes(backbone, config["architecture"]),
        normalization={name: list(trained_with[name]) for name in ("mean", "std")},
        pooling=pooling,
        **options,
    )
    fill_efficientnet_lite(encoder.backbone, backbone)
    return encoder


def resize_mode(backbone):
    """How a tower's images come to its size, "crop" or "squash".

    A transformer's folder and a KerasHub preset say how it was trained; a network of another kind
    sees the whole image, "squash".

    Args:
        backbone: as of `load_image_encoder`.

    Example:
    >>> resize_mode("xception")
    'squash'
    """
    if image_family(backbone):
        return keras_hub_resize_mode(backbone)
    if _config(backbone).get("model_type") in (*MODEL_TYPES, *TRANSFORMERS):
        return read_resize_mode(Path(backbone))
    return "squash"


def load_imagenet_classifier(backbone, weights=None, alpha=None):
    """The `Classifier` of ImageNet that belongs to a tower's features; arguments as above.

    Raises:
        UserError: the weights have none.
    """
    if Path(backbone).is_dir():
        config = _config(backbone)
        if converter_of(config):
            return converted_classifier(backbone, config)
        return timm_classifier(backbone)
    return imagenet_classifier(backbone, weights, alpha)


def _refuse_given_twice(backbone, weights, options):
    if weights is not None or options.get("alpha") is not None:
        raise UserError(
            f"{str(backbone)!r} holds its own weights and sizes; leave --image.weights and "
            "--image.alpha, or give a network by its name"
        )


def _without_alpha(options):
    return {name: value for name, value in options.items() if name != "alpha"}


def refuse_pooling(backbone, pooling):
    """Raises a `UserError` where a transformer is asked to pool otherwise than it does."""
    if pooling != "avg":
        raise UserError(f"{str(backbone)!r} pools by itself; leave --image.pooling")


def _config(folder):
    return read_object_if_there(Path(folder) / _CONFIG)


def _timm_config(folder):
    config = _config(folder)
    architecture = str(config.get("architecture") or config.get("model_type"))
    if not ARCHITECTURE.fullmatch(architecture) or "pretrained_cfg" not in config:
        raise UserError(
            f"{str(folder)!r} is no image tower that kclip reads (its {_CONFIG} says "
            f"{architecture}); give a folder of timm's EfficientNet-Lite or of Hugging Face's "
            f"ViT, DeiT or DINOv2, of {NAMES}, or a network by its name"
        )
    return config
