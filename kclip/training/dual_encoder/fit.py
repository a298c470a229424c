"""Build, compile, fit, save: the steps of training a dual encoder."""

from collections.abc import Mapping
from typing import Any

import keras

from kclip.config.dual_encoder import Optimization
from kclip.config.towers import ImageTower, TextTower
from kclip.models import DualEncoder
from kclip.training.common.batch_statistics import fit_momentum
from kclip.training.common.callbacks import (
    BestWeights,
    RetrievalRecall,
    StopOnCollapse,
    StopOnNonFiniteLoss,
    StopWhenWorse,
    ValidationEmbeddings,
)
from kclip.training.common.fit import BEST_FILE, History, fit_epochs
from kclip.training.common.optimizer import TowerAdamW, compile_model
from kclip.training.common.run import Run
from kclip.training.common.tower_rates import set_tower_rates
from kclip.training.dual_encoder.data import TrainingData
from kclip.training.dual_encoder.fine_tuning import mean_recall

MONITORS = {
    "loss": {"monitor": "val_loss", "mode": "min"},
    "recall": {"monitor": "val_mean_recall@10", "mode": "max"},
}


def build_optimizer(settings: Optimization, steps: int) -> TowerAdamW:
    """AdamW with the schedule that the config names.

    Args:
        settings: the config.
        steps: int. Of the whole training, for the cosine.
    """
    rate: Any = settings.learning_rate
    if settings.schedule == "cosine":
        warmup = max(1, round(settings.warmup * steps))
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, steps - warmup), warmup_target=settings.learning_rate, warmup_steps=warmup
        )
    return TowerAdamW(rate, weight_decay=settings.weight_decay, global_clipnorm=settings.clip_norm)


def compile_dual_encoder(
    data: TrainingData,
    dual_encoder: DualEncoder,
    loss: Any,
    image: ImageTower,
    text: TextTower,
    settings: Optimization,
) -> None:
    """Compiles the trained model, with each tower's own learning rates."""
    steps = data.train.batches_per_epoch * settings.epochs
    optimizer = build_optimizer(settings, steps)
    fit_momentum(dual_encoder._flatten_layers(), steps)
    compile_model(data.model, optimizer, loss)
    towers = ((image, dual_encoder.image_encoder), (text, dual_encoder.text_encoder))
    for tower, encoder in towers:
        set_tower_rates(data.model, optimizer, encoder, tower, settings.learning_rate)


def fit(
    data: TrainingData,
    settings: Optimization,
    run: Run,
    before: Mapping[str, Any] | None = None,
) -> History:
    """Trains until the last epoch, or until the validation loss has stalled.

    Leaves the weights of the best epoch in the model, and writes `history.csv`, the loggers' files
    and the state that a resumed run goes on from.

    Args:
        data: model, batches and validation.
        settings: the config.
        run: folder, stop, resume, loggers.
        before: of a model that is fine-tuned, what `evaluate_run` gave before.

    Returns:
        The logs of each epoch.

    Raises:
        KclipError: the loss is not finite, the embeddings have collapsed, or fine-tuning has made
            the model worse from the first epoch on.
    """
    best = BestWeights(run.checkpoint(BEST_FILE), **MONITORS[settings.monitor])
    validation = ValidationEmbeddings(data.embed_validation, data.text_to_image_index)
    guards: list[Any] = [StopOnNonFiniteLoss(), StopOnCollapse(validation)]
    if before is not None:
        guards.append(StopWhenWorse(mean_recall(before), len(data.text_to_image_index)))
    history = fit_epochs(
        data.model,
        data.train,
        run,
        settings.epochs,
        measuring=[validation, RetrievalRecall(validation)],
        deciding=[
            *guards,
            best,
            *_patient_callbacks(settings),
        ],
        validation=data.validation,
    )
    best.restore(data.model)
    return history


def _patient_callbacks(settings: Optimization) -> list[Any]:
    monitor = MONITORS[settings.monitor]
    callbacks: list[Any] = [
        keras.callbacks.EarlyStopping(patience=settings.early_stopping_patience, **monitor)
    ]
    if settings.schedule == "plateau":
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                factor=settings.plateau_factor, patience=settings.plateau_patience, **monitor
            )
        )
    return callbacks
