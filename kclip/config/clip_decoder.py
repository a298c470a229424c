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
    """The head that looks for each class in the image."""

    kind: Literal["zero_shot", "full", "grouped"] = "zero_shot"
    """zero_shot: queries are text embeddings, so that classes can be changed after training;
    full: a learned query for each class; grouped: a learned query for each group of classes."""
    num_groups: Count | None = None
    """Number of queries of a grouped head."""
    dim: Width = 768
    """Width of the decoder."""
    num_heads: Annotated[int, Range(1, 1024)] = 8
    """Attention heads."""
    intermediate_dim: Width = 2048
    """Width of its feed-forward network."""
    dropout: PartialFraction = 0.1
    """Dropout on queries, attention and both sublayers."""
    similarity: bool = True
    """Add the scaled cosine of image and class text to the logits of a zero_shot head, unless the
    queries are word vectors."""
    trained_fraction: Fraction = 1.0
    """Where the projection of image features starts from a dual encoder's weights: how far it goes
    from them to the trained ones. Below 1, seen classes gain less and unseen ones lose less
    (WiSE-FT, Wortsman et al. 2022)."""
    feature_dropout: PartialFraction = 0.5
    """Dropout on the pooled image features, before they are projected into the texts' space."""


@dataclasses.dataclass(frozen=True)
class JointObjective:
    """alpha * L_clip + beta * L_c, both means over the batch."""

    alpha: LossWeight = 0.1
    """Weight of the alignment of images with the sentences of their labels; 0 for none."""
    beta: LossWeight = 1.0
    """Weight of the classification loss."""
    sentence: str = "a photo of {}"
    """The sentence of an image's labels; {} becomes 'sky, car and road'."""


@dataclasses.dataclass(frozen=True)
class DecoderOptimization:
    """Batches, optimizer and schedule."""

    epochs: Count = 40
    """Passes over the images. The weights of the last epoch are kept: the learning rate has
    then fallen to 0, and choosing an epoch by validation figures would flatter the report."""
    batch_size: BatchSize = 56
    """Images per step."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """adam: weight decay is part of the gradient, as in ML-Decoder; adamw: it is separate. Both
    decay matrices only."""
    learning_rate: LearningRate = 1e-4
    """The highest learning rate of the one-cycle schedule."""
    warmup: PartialFraction = 0.2
    """Fraction of the steps in which the learning rate rises; then it falls along a cosine."""
    weight_decay: WeightDecay = 1e-2
    """Weight decay of matrices."""
    ema: Annotated[float, Range(0, 0.9999999)] = 0.9997
    """Momentum of the running average of the weights, about 1 / (1 - ema) steps long, which is
    what is measured and saved. 0 keeps the weights as they are."""
    augmentation: Literal["none", "flip", "crop", "randaugment"] = "none"
    """Random changes to training images; with a frozen image tower, none or flip. randaugment
    includes CutOut."""
    dtype: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Precision of the head and of a tower that is trained; logits and loss are always float32."""
    seed: Seed = 0
    """Seed of the weights, the order of images and dropout."""
