"""Compile and fit: the steps of training a multi-label classifier."""

from typing import Any

import numpy as np

from kclip.config.clip_decoder import DecoderOptimization
from kclip.config.towers import ImageTower
from kclip.losses import JointLoss
from kclip.models import MultiLabelClassifier
from kclip.training.clip_decoder.data import DecoderData
from kclip.training.clip_decoder.label_targets import LabelTargets
from kclip.training.common.averaging import averaged_weights, use_averaged_weights
from kclip.training.common.batch_statistics import fit_momentum
from kclip.training.common.callbacks import SeenPrecision, StopOnNonFiniteLoss
from kclip.training.common.fit import fit_epochs
from kclip.training.common.one_cycle import OneCycle
from kclip.training.common.optimizer import TowerAdam, TowerAdamW, compile_model
from kclip.training.common.run import Run
from kclip.training.common.tower_rates import set_tower_rates


def build_decoder_optimizer(settings: DecoderOptimization, steps: int) -> TowerAdamW:
    """The optimizer that the config names, with one cycle of the learning rate.

    Args:
        settings: the config.
        steps: int. Of the whole training.
    """
    optimizer = {"adam": TowerAdam, "adamw": TowerAdamW}[settings.optimizer]
    return optimizer(
        OneCycle(settings.learning_rate, steps, settings.warmup),
        weight_decay=settings.weight_decay,
        use_ema=settings.ema > 0,
        ema_momentum=settings.ema,
    )


def compile_decoder(
    model: Any,
    classifier: MultiLabelClassifier,
    loss: JointLoss,
    steps: int,
    settings: DecoderOptimization,
    tower: ImageTower | None = None,
) -> None:
    """Compiles what is trained, with the image tower's own learning rates.

    Args:
        model: the classifier, or its `CachedMultiLabelClassifier`.
        classifier: the classifier.
        loss: what is minimised.
        steps: int. Of the whole training.
        settings: the config.
        tower: the config of the image tower, with its learning rates; None: it is frozen.
    """
    optimizer = build_decoder_optimizer(settings, steps)
    fit_momentum(classifier._flatten_layers(), steps)
    compile_model(model, optimizer, loss)
    if tower is not None:
        encoder = classifier.image_encoder
        set_tower_rates(model, optimizer, encoder, tower, settings.learning_rate)


def fit_decoder(
    model: Any,
    data: DecoderData,
    targets: LabelTargets,
    validation_labels: np.ndarray,
    settings: DecoderOptimization,
    run: Run,
    validation_valid_mask: np.ndarray | None = None,
) -> None:
    """Trains to the last epoch and leaves the averaged weights in the model.

    Writes `history.csv`, the loggers' files and the state that a resumed run goes on from. Each
    epoch is measured with the averaged weights, on the seen classes of the validation split.

    Args:
        model: compiled, of `data.fed_model`.
        data: both splits.
        targets: of the training split.
        validation_labels: (N, C) of the seen classes.
        settings: the config.
        run: folder, stop, resume, loggers.
        validation_valid_mask: (N, C) bool, False where a label is ignored; by default all count.

    Raises:
        KclipError: the loss is not finite.
    """

    def logits():
        with averaged_weights(model):
            return data.validation_logits(model, validation_labels.shape[1])

    fit_epochs(
        model,
        data.train_batches(targets, settings),
        run,
        settings.epochs,
        measuring=[SeenPrecision(logits, validation_labels, validation_valid_mask)],
        deciding=[StopOnNonFiniteLoss("a smaller --optimization.learning-rate")],
    )
    use_averaged_weights(model)
