"""Image towers of KerasHub by the name of a preset, or from a local folder of one."""

from pathlib import Path

import keras_hub

from kclip.errors import UserError
from kclip.models.folder.presets import from_preset
from kclip.models.folder.serialized import Places
from kclip.models.pretrained.json_files import read_object_if_there
from kclip.models.pretrained.keras_hub_cache import reachable_preset
from kclip.models.towers.keras_hub_image_encoder import FAMILIES, KerasHubImageEncoder
from kclip.models.towers.position_interpolation import resized
from kclip.reading import in_one_sentence

_PREFIX = "keras_hub>"
_ADVICE = "without network, give a folder with such a preset"
_PARTS = ("ImageClassifier", "ImageClassifierPreprocessor", "ImageConverter")


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


def load_keras_hub_image(preset, family, image_size=None, dtype="float32", **options):
    """Reads an image tower with the scaling of pixels that its preset says.

    Args:
        preset: string. A preset's name, or a local folder of one.
        family: of `image_family`.
        image_size: int or None. Height and width of the input in pixels; None: the preset's.
            A transformer's positions are interpolated, see `resized`.
        dtype: dtype policy.
        **options: further arguments of `KerasHubImageEncoder`, such as `name`.

    Raises:
        UserError: it cannot be reached, is damaged, or does not say how pixels are prepared.
    """
    with in_one_sentence(f"the image backbone {preset!r}", _ADVICE):
        source = reachable_preset(preset)
        converter = _converter(source, family)
        backbone_class = getattr(keras_hub.models, family)
        backbone = from_preset(backbone_class, source, _places(family), dtype="float32")
        image_size = image_size or _side(preset, converter)
        scale = 1.0 if converter.scale is None else converter.scale
        offset = 0.0 if converter.offset is None else converter.offset
        encoder = KerasHubImageEncoder.from_backbone(
            backbone,
            _own_side(backbone) or image_size,  # a convolutional network may leave it open
            _plain(scale),
            _plain(offset),
            dtype=dtype,
            **options,
        )
        return resized(encoder, image_size)


def keras_hub_resize_mode(preset):
    """How a preset's images come to its size: "crop", which keeps proportions, or "squash"."""
    with in_one_sentence(f"the image backbone {preset!r}", _ADVICE):
        converter = _converter(reachable_preset(preset), image_family(preset))
        return "crop" if converter.crop_to_aspect_ratio else "squash"


def _places(family):
    """What a local folder of such a tower may name."""
    root = f"{_PREFIX}{family.removesuffix('Backbone')}"
    converters = {f"{root}ImageConverter", f"{_PREFIX}ImageConverter"}
    classes = {"config.json": {f"{_PREFIX}{family}"}, "image_converter.json": converters}
    return Places(classes, unread={f"{root}{part}" for part in _PARTS})


def _converter(preset, family):
    try:
        return from_preset(keras_hub.layers.ImageConverter, preset, _places(family))
    except (ValueError, FileNotFoundError) as error:
        if isinstance(error, UserError) and (Path(preset) / "image_converter.json").is_file():
            raise
        raise UserError(
            f"{preset!r} does not say how its pixels are scaled; save the preset's image converter "
            "(or preprocessor) beside its backbone"
        ) from None


def _own_side(backbone):
    first = backbone.input
    return (next(iter(first.values())) if isinstance(first, dict) else first).shape[1]


def _side(preset, converter):
    if converter.image_size is None or len(set(converter.image_size)) > 1:
        raise UserError(f"{preset!r} names no size of its images; give one as --image.size")
    return converter.image_size[0]


def _plain(values):
    return [float(v) for v in values] if isinstance(values, (list, tuple)) else float(values)
