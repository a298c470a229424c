"""From a name or a folder to an image tower."""

from pathlib import Path

from kclip.errors import UserError
from kclip.models.pretrained.json_files import read_object
from kclip.models.pretrained.timm_efficientnet import (
    ARCHITECTURE,
    efficientnet_lite_sizes,
    fill_efficientnet_lite,
    timm_classifier,
)
from kclip.models.towers.image_encoder import ImageEncoder, imagenet_classifier

_CONFIG = "config.json"


def load_image_encoder(backbone, image_size=None, weights=None, **options):
    """An image tower with the weights that it names.

    Args:
        backbone: string. A network by its name, as `ImageEncoder` takes it, or a folder of timm's
            EfficientNet-Lite (`config.json` and `model.safetensors`), which holds its weights.
        image_size: int or None. Height and width of the input in pixels; None: those that the
            network was trained with.
        weights: of a network by its name; see `ImageEncoder`.
        **options: further arguments of `ImageEncoder`, such as `alpha` and `dtype`.

    Raises:
        UserError: the name is unknown, the folder is of another kind or damaged, or weights were
            given twice.

    Example:
    >>> load_image_encoder("small_cnn", weights=None).image_size
    64
    """
    if not Path(backbone).is_dir():
        return ImageEncoder(backbone, image_size, weights=weights, **options)
    if weights is not None or options.get("alpha") is not None:
        raise UserError(
            f"the folder {str(backbone)!r} holds its own weights and sizes; leave --image.weights "
            "and --image.alpha, or give a network by its name"
        )
    config = _timm_config(backbone)
    trained_with = config["pretrained_cfg"]
    encoder = ImageEncoder(
        "efficientnet_lite",
        image_size or trained_with["input_size"][-1],
        sizes=efficientnet_lite_sizes(backbone, config["architecture"]),
        normalization={name: list(trained_with[name]) for name in ("mean", "std")},
        **options,
    )
    fill_efficientnet_lite(encoder.backbone, backbone)
    return encoder


def load_imagenet_classifier(backbone, weights=None, alpha=None):
    """The `Classifier` of ImageNet that belongs to a tower's features; arguments as above.

    Raises:
        UserError: the weights have none.
    """
    if Path(backbone).is_dir():
        return timm_classifier(backbone)
    return imagenet_classifier(backbone, weights, alpha)


def _timm_config(folder):
    config = read_object(path) if (path := Path(folder) / _CONFIG).is_file() else {}
    architecture = str(config.get("architecture") or config.get("model_type"))
    if not ARCHITECTURE.fullmatch(architecture) or "pretrained_cfg" not in config:
        raise UserError(
            f"{str(folder)!r} is no image tower that kclip reads (its {_CONFIG} says "
            f"{architecture}); give a folder of timm's EfficientNet-Lite, or a network by its name"
        )
    return config
