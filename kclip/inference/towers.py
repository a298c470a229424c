"""One tower with its preparation, from whatever holds one: a tower alone, or a whole model."""

from dataclasses import dataclass
from typing import Any

from kclip.errors import UserError
from kclip.inference.loading import holds_both_towers, load_model, refuse_export
from kclip.models.pretrained.hub import local_folder
from kclip.models.pretrained.image_towers import (
    load_image_encoder,
    refuse_pooling,
    resize_mode,
)
from kclip.models.pretrained.text_towers import load_text_encoder
from kclip.models.towers.position_interpolation import resized


@dataclass(frozen=True)
class OpenedImageTower:
    """An image tower.

    Attributes:
        encoder: an `ImageTowerModel`.
        resize: "crop" or "squash", how images come to its size: as its weights were trained where
            they say so, else "squash".
    """

    encoder: Any
    resize: str


@dataclass(frozen=True)
class OpenedTextTower:
    """A text tower.

    Attributes:
        encoder: a `TextTowerModel`.
        tokenizer: that goes with it.
        sequence_length: tokens a text, where the tower's model has settled it.
    """

    encoder: Any
    tokenizer: Any
    sequence_length: int | None = None


def open_image_tower(
    backbone: str,
    image_size: int | None = None,
    weights: str | None = None,
    alpha: float | None = None,
    pooling: str = "avg",
    dtype: str = "float32",
) -> OpenedImageTower:
    """Loads or builds an image tower.

    Args:
        backbone: what `load_image_encoder` takes, or a model of images and texts as `kclip.load`
            takes it, whose image tower it is; or the name of either on the Hugging Face hub.
        image_size: height and width of its input in pixels; None: those of its weights.
        weights: of a network by its name; see `ImageEncoder`.
        alpha: width multiplier of the MobileNets.
        pooling: "avg" or "flatten", of a network that is no transformer.
        dtype: dtype policy.

    Raises:
        UserError: the name is unknown, the folder is of another kind or damaged, or an option has
            no meaning for it.

    Example:
        >>> opened = open_image_tower("clip-vit-base-patch32")
        >>> opened.encoder.backbone_name, opened.resize
        ('clip transformer', 'crop')
    """
    name = str(local_folder(backbone, towers=True))
    if not holds_both_towers(name):
        options = {"alpha": alpha, "pooling": pooling, "dtype": dtype, "name": "image_encoder"}
        encoder = load_image_encoder(name, image_size, weights, **options)
        return OpenedImageTower(encoder, resize_mode(name))
    if weights is not None or alpha is not None:
        raise UserError(
            f"{backbone!r} is a model with its weights; leave --image.weights and --image.alpha"
        )
    refuse_pooling(backbone, pooling)
    refuse_export(name)
    model, preprocessor = load_model(name, dtype)
    return OpenedImageTower(resized(model.image_encoder, image_size), preprocessor.resize_mode)


def open_text_tower(
    backbone: str, pooling: str | None = None, dtype: str = "float32"
) -> OpenedTextTower:
    """Loads a text tower.

    Args:
        backbone: what `load_text_encoder` takes, or a model of images and texts, whose text tower
            it is; or the name of either on the Hugging Face hub.
        pooling: see `load_text_encoder`.
        dtype: dtype policy.

    Raises:
        UserError: as `open_image_tower`.

    Example:
        >>> open_text_tower("clip-vit-base-patch32").encoder.name
        'text_encoder'
    """
    name = str(local_folder(backbone, towers=True))
    if not holds_both_towers(name):
        return OpenedTextTower(*load_text_encoder(name, pooling, dtype, name="text_encoder"))
    if pooling is not None:
        raise UserError(f"{backbone!r} pools its texts by itself; leave --text.pooling")
    refuse_export(name)
    model, preprocessor = load_model(name, dtype)
    if preprocessor.tokenizer is None:
        raise UserError(f"{backbone!r} came without a tokenizer that kclip reads; add its files")
    length = preprocessor.sequence_length
    return OpenedTextTower(model.text_encoder, preprocessor.tokenizer, length)
