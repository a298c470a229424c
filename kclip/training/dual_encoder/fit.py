"""Build, compile, fit, save: the steps of training a dual encoder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from kclip.config.dual_encoder import Optimization
from kclip.config.towers import ImageTower, TextTower
from kclip.models import DualEncoder
from kclip.training.common.callbacks import (
    BestWeights,
    RetrievalRecall,
    RunState,
    StopOnCollapse,
    StopOnNonFiniteLoss,
    ValidationEmbeddings,
)
from kclip.training.common.fit import fit_epochs, write_history
from kclip.training.common.optimizer import TowerAdamW
from kclip.training.dual_encoder.data import TrainingData

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


def compile_model(
    data: TrainingData,
    dual_encoder: DualEncoder,
    loss: Any,
    image: ImageTower,
    text: TextTower,
    settings: Optimization,
) -> None:
    """Compiles the trained model, with each tower's own learning rate."""
    steps = data.train.batches_per_epoch * settings.epochs
    optimizer = build_optimizer(settings, steps)
    data.model.compile(optimizer=optimizer, loss=loss)
    # Through the model: under mixed_float16 it has put a loss scale around the optimizer.
    data.model.optimizer.build(data.model.trainable_variables)
    towers = ((image, dual_encoder.image_encoder), (text, dual_encoder.text_encoder))
    for tower, encoder in towers:
        if tower.train and tower.learning_rate is not None:
            factor = tower.learning_rate / settings.learning_rate
            optimizer.scale_learning_rate(encoder.trainable_variables, factor)


def fit(
    data: TrainingData,
    settings: Optimization,
    run_folder: Path,
    stop_requested: Callable[[], bool],
    on_stop: Callable[[int, int], None],
    resume: bool = False,
) -> list[dict[str, float]]:
    """Trains until the last epoch, or until the validation loss has stalled.

    Leaves the weights of the best epoch in the model, and writes `history.csv`, TensorBoard's
    logs and the state that `resume` goes on from.

    Args:
        data: model, batches and validation.
        settings: the config.
        run_folder: where the files go.
        stop_requested: function without arguments, asked after each batch.
        on_stop: called with epoch and batch once the state is saved; raises what ends the run.
        resume: go on from the state in the folder.

    Returns:
        The logs of each epoch.

    Raises:
        KclipError: the loss is not finite, or the embeddings have collapsed.
    """
    best = BestWeights(run_folder / "checkpoint" / "best.npz", **MONITORS[settings.monitor])
    remembering = [best, *_patient_callbacks(settings)]
    state = RunState(
        run_folder / "checkpoint" / "state.npz",
        data.train,
        remembering,
        stop_requested=stop_requested,
        on_stop=on_stop,
        on_history=lambda history: write_history(history, run_folder / "history.csv"),
    )
    callbacks = _callbacks(data, run_folder, remembering, state)
    if resume:
        state.load()
    fit_epochs(data.model, data.train, callbacks, state, settings.epochs, data.validation)
    best.restore(data.model)
    return state.history


def _callbacks(
    data: TrainingData, run_folder: Path, remembering: Sequence[Any], state: RunState
) -> list[Any]:
    # In this order: recall reads the embeddings, those that remember read the logs, and the state
    # is saved when they have.
    validation = ValidationEmbeddings(data.embed_validation, data.text_to_image_index)
    return [
        validation,
        RetrievalRecall(validation),
        StopOnNonFiniteLoss(),
        *remembering,
        keras.callbacks.TensorBoard(str(run_folder / "tensorboard")),
        state,
        StopOnCollapse(validation),
    ]


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
