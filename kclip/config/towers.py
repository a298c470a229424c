"""The settings of image and text towers."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from kclip.config.ranges import (
    LayerDecay,
    LearningRate,
    PartialFraction,
    Pixels,
    Range,
    TrainMode,
    WidthMultiplier,
)
from kclip.errors import UserError


@dataclasses.dataclass(frozen=True)
class ImageTower:
    """The image tower, where no --model gives one."""

    backbone: str = "small_cnn"
    """A network of keras.applications by name (xception, ...), tresnet_m or small_cnn; or a folder
    that holds its weights: timm's EfficientNet, also Lite, ResNet, MobileNetV3 or HGNetV2, Hugging
    Face's ViT, DeiT, DINOv2, DINOv3 or Swin, a KerasHub preset (also by its name), or the image
    tower of a CLIP, SigLIP or model of kclip."""
    size: Pixels | None = None
    """Height and width of its input in pixels; by default those of its published weights."""
    alpha: WidthMultiplier | None = None
    """Width multiplier of the MobileNets."""
    pooling: Literal["avg", "flatten"] = "avg"
    """avg: average over the feature map; flatten: keep its positions (for small maps)."""
    weights: str | None = None
    """A weights file of that network, imagenet (downloaded), or None for random ones."""
    resize: Literal["squash", "crop"] | None = None
    """squash: fit the whole image into the square; crop: cut out the middle square. By default what
    a transformer's folder or preset says, or the model whose tower it is; else squash."""
    mirror: bool = False
    """Take each image together with its mirror image: twice the work, a little better. A --model
    that was trained so brings it along."""
    train: TrainMode = "all"
    """What is trained on this side, in a --model too. all: the whole tower and its head; last:N:
    its last N blocks and its head, while those below run once (see --optimization.cache-gib) and
    without dropout; lora:R: adapters of rank R in a transformer's attention, and its
    head; head: the head alone, so that the tower runs once and its outputs are kept; frozen: not
    even the head, which must then be pretrained."""
    learning_rate: LearningRate | None = None
    """Its own learning rate; that of the heads if left out."""
    layer_decay: LayerDecay = 1.0
    """What each block's learning rate is of the one above it: the last block of the tower learns at
    this times its learning rate, the one before at the square of it, and so on down to the
    embeddings; 1: all alike. Blocks are as in last:N: those of a transformer, but each layer with
    weights of another network, for which it should be near 1."""
    gradient_checkpointing: bool = False
    """Keep only the inputs of a transformer's blocks and compute each block again in the backward
    pass: much less memory, one more forward pass, the same gradients."""

    @property
    def pretrained(self) -> bool:
        """Whether the tower starts from weights."""
        return brings_weights(self.backbone, self.weights)

    @property
    def trained(self) -> bool:
        """Whether weights of the tower itself are trained."""
        return trains_tower(self.train)


def check_training(side: str, tower: "ImageTower | TextTower") -> None:
    """Raises a `UserError` where a tower that is not trained has settings of its training.

    Args:
        side: "image" or "text", as in the flags.
        tower: its settings.
    """
    given = {
        "layer-decay": tower.layer_decay < 1,
        "gradient-checkpointing": tower.gradient_checkpointing,
    }
    flags = [flag for flag, is_given in given.items() if is_given]
    if flags and not tower.trained:
        raise UserError(
            f"--{side}.{flags[0]} is of a tower that is trained, but --{side}.train is "
            f"{tower.train}; give --{side}.train all, last:N or lora:R, or leave it"
        )


def trains_tower(mode: str) -> bool:
    """Whether a mode of training reaches into the tower, beyond its head."""
    return mode not in ("frozen", "head")


# Networks that are built without weights though their names look like those of presets.
_BUILT = ("efficientnet_lite", "small_cnn", "tresnet_m")


def brings_weights(backbone: str, weights: str | None) -> bool:
    """Whether an image tower starts from weights: folders, hub names and presets hold their own.

    Example:
        >>> brings_weights("xception", None), brings_weights("vit_base_patch16_224_imagenet", None)
        (False, True)
    """
    # No network of keras.applications has an underscore in its name, and every preset has.
    named = "/" in backbone or ("_" in backbone and backbone not in _BUILT)
    return weights is not None or named or Path(backbone).is_dir()


@dataclasses.dataclass(frozen=True)
class TextTower:
    """The text tower."""

    backbone: str = "tiny"
    """A Hugging Face or sentence-transformers folder (BERT, RoBERTa, XLM-RoBERTa, DistilBERT,
    ALBERT, DeBERTa-v3, MPNet), the text tower of a CLIP or SigLIP folder, a KerasHub preset
    (bert_base_en_uncased), or a BERT's size without weights (tiny, mini, small, medium, base),
    whose vocabulary is learned from the captions."""
    pooling: Literal["mean", "cls", "first"] | None = None
    """One vector per text: the mean over its tokens; cls, BERT's dense layer on the first token;
    or that first token itself. By default what a sentence-transformers folder says, else mean."""
    dropout: PartialFraction = 0.1
    """Dropout inside a BERT without weights, while it is trained."""
    sequence_length: Annotated[int, Range(3, 512)] = 32
    """Tokens per text; longer texts are cut."""
    vocabulary_size: Annotated[int, Range(64, 1_000_000)] = 8192
    """Size of a vocabulary that is learned from the captions."""
    train: TrainMode = "all"
    """What is trained on this side; see --image.train. What is frozen of the tower runs once and
    its outputs are kept, if the image tower's are."""
    learning_rate: LearningRate | None = None
    """Its own learning rate; that of the heads if left out."""
    layer_decay: LayerDecay = 1.0
    """See --image.layer-decay."""
    gradient_checkpointing: bool = False
    """See --image.gradient-checkpointing."""

    @property
    def trained(self) -> bool:
        """Whether weights of the tower itself are trained."""
        return trains_tower(self.train)
