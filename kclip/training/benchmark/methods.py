"""The methods that train a small head on frozen features: adapters, and the baselines' heads.

A table; how they are trained is in `kclip.training.benchmark.head`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import keras

from kclip.evaluation.benchmark.cells import BASELINE_HEADS
from kclip.layers import FCAdapter, MLDAdapter
from kclip.training.benchmark.feature_batches import Form

# Log-odds of 2 %. From 0, a short training with binary cross-entropy is spent on learning that
# labels are rare: of 1,000 held-out images a dense layer then had 11 % mAP, and from here 34.
RARE = -4.0


@dataclass(frozen=True)
class TrainedMethod:
    """How a head is made and trained.

    Attributes:
        form: what it sees of an image.
        loss: "mse" of the probabilities, or "bce".
        make: from the number of classes and `options` to the layer.
        options: of the layer.
        epochs: passes over the training images.
        least_steps: of a training on few images, which takes more passes.
        batch_size: images, at most.
        learning_rate: of AdamW; it falls to nothing along half a cosine.
        weight_decay: of AdamW, on matrices.
    """

    form: Form
    loss: Literal["mse", "bce"]
    make: Callable[..., Any]
    options: dict[str, Any] = field(default_factory=dict)
    epochs: int = 2
    least_steps: int = 1
    batch_size: int = 10
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2

    @property
    def settings(self) -> dict[str, Any]:
        """What a result depends on, as JSON takes it."""
        return {name: value for name, value in vars(self).items() if name != "make"}


def _fc_adapter(num_classes: int, **options: Any) -> FCAdapter:
    return FCAdapter(num_classes, **options)


def _mld_adapter(num_classes: int, **options: Any) -> MLDAdapter:
    """No weight belongs to a class, so that their number has no part in it."""
    return MLDAdapter(**options)


def _fully_connected(num_classes: int, hidden_dims: tuple[int, ...] = ()) -> Any:
    """A baseline's head: VGG16 has two wide layers with dropout in it, ResNet101 none."""
    hidden = [
        layer
        for dim in hidden_dims
        for layer in (keras.layers.Dense(dim, "relu"), keras.layers.Dropout(0.5))
    ]
    rare: Any = keras.initializers.Constant(RARE)
    return keras.Sequential([*hidden, keras.layers.Dense(num_classes, bias_initializer=rare)])


_FC_ADAPTER = TrainedMethod("embedding", "mse", _fc_adapter)
_ALONE = TrainedMethod(
    "spatial",
    "bce",
    _mld_adapter,
    {"dim": 128, "intermediate_dim": 256, "initial_scale": 16.0, "initial_bias": RARE},
    epochs=4,
    least_steps=60,
    batch_size=100,
)
# Settled on 1,000 of Flickr8k's training images, with a dual encoder trained on the other 5,000:
# 32.7 % mAP from all of these, where cosine ranking has 30.1. 60 steps on 100 images would unlearn
# the ranking (25.5, and 30.2 after 8), so there is no least number of them.
_SPATIAL = replace(
    _ALONE,
    options=_ALONE.options
    | {
        "initial_bias": 0.0,
        "similarity_logits": True,
        "class_weights": True,
        "feature_dropout": 0.5,
    },
    epochs=8,
    least_steps=1,
)
_RESNET101 = TrainedMethod("pooled", "bce", _fully_connected, epochs=10, batch_size=32)

ADAPTERS = {
    "fc_adapter": _FC_ADAPTER,
    "fc_adapter_bce": replace(_FC_ADAPTER, loss="bce", options={"initial_bias": RARE}),
    "mld_adapter_pooled": replace(_SPATIAL, form="embedding"),
    "mld_adapter_spatial": _SPATIAL,
    "mld_adapter_spatial_alone": _ALONE,
}
_BASELINES = {
    "baseline_vgg16_head": replace(_RESNET101, options={"hidden_dims": (512, 512)}),
    "baseline_resnet101_head": _RESNET101,
}
TRAINED: dict[str, TrainedMethod] = ADAPTERS | {name: _BASELINES[name] for name in BASELINE_HEADS}
