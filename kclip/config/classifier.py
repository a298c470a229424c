"""The settings of fine-tuning a classifier, and named sets of them."""

import dataclasses
from typing import Literal

from kclip.config.ranges import (
    BatchSize,
    Count,
    CountFrom0,
    LearningRate,
    PartialFraction,
    Pixels,
    ReductionFactor,
    Seed,
    WeightDecay,
    WidthMultiplier,
)
from kclip.config.towers import brings_weights


@dataclasses.dataclass(frozen=True)
class ClassifierSettings:
    """Network, head and training."""

    backbone: str = "small_cnn"
    """A network of keras.applications by name (xception, efficientnetb7, mobilenet, ...),
    tresnet_m or small_cnn; or what holds its weights: a folder of timm's EfficientNet-Lite or of
    Hugging Face's ViT, DeiT or DINOv2, a KerasHub preset, or a CLIP, SigLIP or model of kclip,
    whose image tower it is. Each has its own preprocessing inside."""
    size: Pixels | None = None
    """Height and width of its input in pixels; by default those of its published weights."""
    alpha: WidthMultiplier | None = None
    """Width multiplier of the MobileNets."""
    weights: str | None = None
    """A weights file of that network, imagenet (downloaded), or None for random ones."""
    resize: Literal["squash", "crop"] | None = None
    """squash: fit the whole image into the square; crop: cut out the middle square. By default what
    a transformer's folder or preset says, or the model whose tower it is; else squash."""
    dropout: PartialFraction = 0.2
    """Dropout before the new layer."""
    head_epochs: Count = 20
    """First the new layer alone is trained on the frozen network's features, which are computed
    once: the most passes over them. A network without weights skips this stage."""
    head_learning_rate: LearningRate = 1e-3
    """Learning rate of the new layer alone, and of a network without weights."""
    epochs: Count = 8
    """Then the network is fine-tuned: the most passes over the images."""
    learning_rate: LearningRate = 1e-5
    """Learning rate of fine-tuning a network that has weights."""
    fine_tune_layers: CountFrom0 | Literal["all"] = "all"
    """How many of the network's last layers are fine-tuned; 0 trains the new layer alone."""
    batch_size: BatchSize = 32
    """Images per step."""
    augmentation: Literal["none", "flip", "crop", "randaugment"] = "flip"
    """Random changes to training images while the network is fine-tuned."""
    weight_decay: WeightDecay = 1e-3
    """Weight decay of AdamW, on matrices: biases and gains do not decay."""
    early_stopping_patience: Count = 5
    """Epochs without a lower validation loss before a stage ends; its best epoch is kept."""
    plateau_patience: Count = 3
    """Epochs without a lower validation loss before the learning rate is reduced."""
    plateau_factor: ReductionFactor = 0.2
    """What the learning rate is then multiplied by."""
    dtype: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Precision of the network; probabilities and loss are always float32."""
    seed: Seed = 0
    """Seed of the weights, the order of images, the sampled fractions and dropout."""

    @property
    def pretrained(self) -> bool:
        """Whether the network starts from weights."""
        return brings_weights(self.backbone, self.weights)
