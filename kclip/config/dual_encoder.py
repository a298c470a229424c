"""The settings of training a dual encoder: heads, loss, batches, optimizer and schedule."""

import dataclasses
from typing import Annotated, Literal

from kclip.config.ranges import (
    BatchSize,
    Count,
    CountFrom0,
    LearningRate,
    PartialFraction,
    Range,
    ReductionFactor,
    Seed,
    WeightDecay,
    Width,
)


@dataclasses.dataclass(frozen=True)
class Objective:
    """Projection heads and loss."""

    projection_dim: Width = 256
    """Width of the common space of images and texts."""
    head: Literal["mlp", "linear"] = "mlp"
    """mlp: the report's head; linear: one matrix a side, as CLIP and LiT have it, which
    `export_model --format huggingface` can write."""
    dropout: PartialFraction = 0.1
    """Dropout in both heads of kind mlp."""
    image_feature_dropout: PartialFraction = 0.0
    """Dropout on the image tower's features before its head."""
    text_feature_dropout: PartialFraction = 0.0
    """Dropout on the text tower's features before its head."""
    standardize: bool = False
    """Bring the towers' features to mean 0 and standard deviation 1 before the heads."""
    loss: Literal["hard", "multi_positive", "soft", "sigmoid"] = "multi_positive"
    """hard: CLIP's loss; multi_positive: captions of one image are not negatives of each other;
    soft: the loss of the keras.io example; sigmoid: SigLIP's."""
    label_smoothing: PartialFraction = 0.0
    """Fraction of the target that is spread over the batch (hard and multi_positive)."""
    stay_near: Annotated[float, Range(0, 1e6)] = 0.0
    """With --model: weight of the squared distance of the heads from where they start, on sides
    whose tower is not trained (ProLIP)."""


@dataclasses.dataclass(frozen=True)
class Optimization:
    """Batches, optimizer and schedule."""

    epochs: Count = 8
    """Passes over the images (or over the pairs, with --optimization.captions expand)."""
    batch_size: BatchSize = 256
    """Pairs per step; the other pairs of the batch are the negatives."""
    chunk_size: Count | None = None
    """Pairs that trained towers encode at a time, twice each: the negatives of the whole batch in
    the memory of one chunk. It must divide the batch size. None: the whole batch at once."""
    captions: Literal["sample", "expand"] = "sample"
    """sample: one caption per image and epoch, another one in the next epoch; expand: every pair in
    each epoch."""
    augmentation: Literal["none", "flip", "shrink", "crop", "randaugment"] = "none"
    """Random changes to training images; with a frozen image tower, none, flip or shrink, which
    shows every second image as it looks with 32 pixels, for data sets of small images."""
    class_pairs: CountFrom0 = 0
    """Additional pairs in each batch, made from the image tower's own classifier: features
    moved towards one of ImageNet's 1,000 classes, and its name in a prompt. They teach names that
    captions lack. Needs a frozen tower, and weights with their classifier."""
    cache_gib: Annotated[float, Range(0, 1e6)] = 32.0
    """With last:N: how many GiB of each side the frozen blocks' outputs may take in --features-dir.
    What takes more is computed anew in each step, as with an --optimization.augmentation that
    changes images in every epoch; 0: always."""
    learning_rate: LearningRate = 1e-3
    """Learning rate of the heads, and of towers without their own."""
    weight_decay: WeightDecay = 1e-3
    """Weight decay of AdamW, on matrices: biases, gains and the logit scale do not decay."""
    schedule: Literal["plateau", "cosine"] = "plateau"
    """plateau: reduce the learning rate when the validation loss stalls; cosine: warm up, then
    follow a cosine to 0."""
    warmup: PartialFraction = 0.05
    """Fraction of the steps in which the cosine schedule warms up."""
    plateau_patience: Count = 3
    """Epochs without a better validation loss (see monitor) before the learning rate is reduced."""
    plateau_factor: ReductionFactor = 0.2
    """What the learning rate is then multiplied by."""
    early_stopping_patience: Count = 5
    """Epochs without a better validation loss (see monitor) before training ends."""
    monitor: Literal["loss", "recall"] = "loss"
    """What chooses the best epoch, whose weights are kept: the validation loss, or the validation
    recall@10 (mean of both directions)."""
    clip_norm: Annotated[float, Range(1e-12, 1e12)] | None = None
    """Largest norm of all gradients together."""
    dtype: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Precision of the towers; normalisation, logits and loss are always float32."""
    seed: Seed = 0
    """Seed of the weights, the order of images and dropout."""
