"""Image towers of KerasHub by the name of a preset, or from a local folder of one."""

from pathlib import Path

import keras_hub

from kclip.errors import UserError
from kclip.models.folder.checks import refuse_other_classes
from kclip.models.folder.downloads import in_one_sentence
from kclip.models.pretrained.json_files import read_object_if_there
from kclip.models.towers.keras_hub_image_encoder import FAMILIES, KerasHubImageEncoder

_PREFIX = "keras_hub>"
# What a local folder may name besides plain values.
_PARTS = ("", "ImageClassifier", "ImageClassifierPreprocessor", "ImageConverter")


def image_family(name):
    """The class of `FAMILIES` that a preset or a local folder of one holds; None for others.

    Args:
        name: string.

    Example:
    >>> image_family("vit_base_patch16_224_imagenet"), image_family("xception")
    ('ViTBackbone', None)
    """
    registered = read_object_if_there(Path(name) / "config.json").get("registered_name")
    for family in FAMILIES:
        presets = getattr(keras_hub.models, family).presets
        if registered == f"{_PREFIX}{family}" or (registered is None and name in presets):
            return family
    return None


def load_keras_hub_image(name, family, image_size=None, dtype="float32", **options):
    """Reads an image tower with the preparation of pixels that its preset says.

    Args:
        name: string. A preset's name, or a local folder of one.
        family: of `image_family`.
        image_size: int or None. Height and width of the input in pixels; None: the preset's.
        dtype: dtype policy.
        **options: further arguments of `KerasHubImageEncoder`, such as `name`.

    Raises:
        UserError: it cannot be reached, is damaged, or does not say how pixels are prepared.
    """
    if Path(name).is_dir():
        root = family.removesuffix("Backbone")
        allowed = {f"{_PREFIX}{root}{part}" for part in _PARTS} | {f"{_PREFIX}{family}"}
        allowed |= {f"{_PREFIX}ImageConverter", "keras.DTypePolicy"}
        refuse_other_classes(Path(name), allowed)
    advice = "without network, give a folder with such a preset"
    with in_one_sentence(f"the image backbone {name!r}", advice):
        converter = _converter(name)
        side = image_size or _side(name, converter)
        size = {} if image_size is None else {"image_shape": (side, side, 3)}
        backbone = getattr(keras_hub.models, family).from_preset(name, dtype="float32", **size)
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    return KerasHubImageEncoder.from_backbone(
        backbone, side, _plain(scale), _plain(offset), dtype=dtype, **options
    )


def _converter(name):
    try:
        return keras_hub.layers.ImageConverter.from_preset(name)
    except (ValueError, FileNotFoundError):
        raise UserError(
            f"{name!r} does not say how its pixels are scaled; save the preset's image converter "
            "(or preprocessor) beside its backbone"
        ) from None


def _side(name, converter):
    if converter.image_size is None or len(set(converter.image_size)) > 1:
        raise UserError(f"{name!r} names no size of its images; give one as --image.size")
    return converter.image_size[0]


def _plain(values):
    return [float(v) for v in values] if isinstance(values, (list, tuple)) else float(values)
