"""The settings of training a multi-label classifier with CLIP-Decoder's head."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from kclip.config.checks import check_settings
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
from kclip.config.towers import ImageTower, check_training
from kclip.errors import UserError

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
    then fallen to 0, and an epoch chosen by validation figures would make them too high."""
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
    what is measured and saved; after t steps at most (1 + t) / (10 + t). 0 keeps the weights as
    they are."""
    augmentation: Literal["none", "flip", "crop", "randaugment"] = "none"
    """Random changes to training images; with a frozen image tower, none or flip. randaugment
    includes CutOut."""
    dtype: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Precision of the head and of a tower that is trained; logits and loss are always float32."""
    seed: Seed = 0
    """Seed of the weights, the order of images and dropout."""


@dataclasses.dataclass(frozen=True)
class DecoderTraining:
    """All that a training of CLIP-Decoder depends on; `train_clip_decoder` adds where it goes."""

    data: Path = Path("tfrecords/synthetic")
    """Folder that build_tfrecords wrote."""
    train_split: str = "train"
    """Split to train on."""
    validation_split: str = "validation"
    """Split for the report, and for the seen classes' mAP after each epoch. No figure of it
    chooses anything."""
    seen_classes: Path | None = None
    """File of the classes whose labels are trained on, one a line; seen_classes.txt in --data, or
    all labels of the training split, if left out."""
    unseen_classes: Path | None = None
    """File of the classes that are only recognized; unseen_classes.txt in --data if left out."""
    model: str | None = None
    """Folder of a dual encoder: its image tower is used, and its text tower for the queries."""
    queries: str | None = None
    """What embeds class names, instead of --model's text tower: a file of word vectors, a Hugging
    Face folder of a BERT, a dual encoder or a CLIP."""
    template: list[str] = dataclasses.field(default_factory=lambda: ["a photo of a {}."])
    """Prompts for class names, as in evaluate_zero_shot."""
    tune_loss_weights: bool = False
    """Choose alpha and beta by three folds of the training split, which hold out images and seen
    classes; wants a frozen image tower."""
    features_dir: Path | None = None
    """Where the outputs of frozen towers are kept; by default the folder of the environment
    variable KCLIP_FEATURES_DIR, or the user's cache. See manage_features."""
    image: ImageTower = dataclasses.field(default_factory=lambda: ImageTower(train="head"))
    head: DecoderHead = dataclasses.field(default_factory=DecoderHead)
    objective: JointObjective = dataclasses.field(default_factory=JointObjective)
    optimization: DecoderOptimization = dataclasses.field(default_factory=DecoderOptimization)

    def check(self) -> None:
        """Looks at the settings, before anything is read.

        Raises:
            UserError: a value is out of its range, or two do not fit each other.
        """
        check_settings(self)
        check_training("image", self.image)
        objective = self.objective
        if self.image.train == "frozen":
            raise UserError(
                "--image.train frozen keeps a pretrained head, and a decoder's is new; give head, "
                "which keeps the tower"
            )
        if not objective.alpha + objective.beta:
            raise UserError(
                f"--objective.alpha {objective.alpha} and --objective.beta {objective.beta} "
                "weigh the two losses; at least one must be above 0"
            )
        if "{}" not in objective.sentence:
            raise UserError(
                f"--objective.sentence {objective.sentence!r} has no {{}} for the labels; add it"
            )
        if self.tune_loss_weights and (self.image.trained or self.head.kind != "zero_shot"):
            raise UserError(
                "--tune-loss-weights trains many heads and holds out classes; leave --image.train "
                "head, and --head.kind zero_shot, or give the weights"
            )
