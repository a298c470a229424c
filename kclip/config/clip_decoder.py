"""The settings of training a multi-label classifier with CLIP-Decoder's head."""

import dataclasses
from typing import Annotated, Literal

from kclip.config.ranges import (
    BatchSize,
    Count,
    Fraction,
    LearningRate,
    PartialFraction,
    Range,
    Seed,
    WeightDecay,
    Width,
)

LossWeight = Annotated[float, Range(0, 1e6)]


@dataclasses.dataclass(frozen=True)
class DecoderHead:
    """The head that looks for each class in the picture."""

    kind: Literal["zero_shot", "full", "grouped"] = "zero_shot"
    """zero_shot asks by text embeddings, so that classes are free after training; full learns a
    query for each class, grouped for each group of them."""
    num_groups: Count | None = None
    """Queries of a grouped head."""
    dim: Width = 768
    """Width of the decoder."""
    num_heads: Annotated[int, Range(1, 1024)] = 8
    """Attention heads."""
    intermediate_dim: Width = 2048
    """Width of its feed-forward network."""
    dropout: PartialFraction = 0.1
    """On queries, attention and both sublayers."""
    similarity: bool = True
    """Add the scaled cosine of image and class text to the logits of a zero_shot head, unless the
    queries are word vectors."""
    trained_fraction: Fraction = 1.0
    """Where the projection of image features starts from a dual encoder's: how far its weights go
    from there to the trained ones. Below 1, seen classes gain less and unseen ones lose less
    (WiSE-FT, Wortsman et al. 2022)."""
    feature_dropout: PartialFraction = 0.5
    """On the pooled image features before they are projected into the space of the texts."""


@dataclasses.dataclass(frozen=True)
class JointObjective:
    """alpha * L_clip + beta * L_c, both means over the batch."""

    alpha: LossWeight = 0.1
    """Weight of the alignment of images with the sentences of their labels; 0 for none."""
    beta: LossWeight = 1.0
    """Weight of the classification."""
    sentence: str = "a photo of {}"
    """The sentence of an image's labels; {} becomes 'sky, car and road'."""


@dataclasses.dataclass(frozen=True)
class DecoderOptimization:
    """Batches, optimizer and schedule."""

    epochs: Count = 40
    """Passes over the images. The weights of the last are kept: the rate has then fallen to
    nothing, and a choice by validation figures would flatter those of the report."""
    batch_size: BatchSize = 56
    """Images a step."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """adam decays weights as part of the gradient, as ML-Decoder trains; adamw apart from it.
    Both decay matrices alone."""
    learning_rate: LearningRate = 1e-4
    """The highest of the one-cycle schedule."""
    warmup: PartialFraction = 0.2
    """Share of the steps in which the rate rises to it; then it falls along a cosine."""
    weight_decay: WeightDecay = 1e-2
    """Of matrices."""
    ema: Annotated[float, Range(0, 0.9999999)] = 0.9997
    """Momentum of the running average of the weights, about 1 / (1 - ema) steps long, which is
    what is measured and saved. 0 keeps the weights as they are."""
    augmentation: Literal["none", "flip", "crop", "randaugment"] = "none"
    """Random changes to training images; with a frozen image tower, none or flip. randaugment
    includes CutOut."""
    dtype: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Precision of the head and of a tower that is trained; logits and loss are always float32."""
    seed: Seed = 0
    """Of weights, order and dropout."""
