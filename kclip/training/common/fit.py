"""The one training loop: from where a run's state stands to its last epoch."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kclip.console.progress import keras_verbosity
from kclip.files import write_text
from kclip.training.common.callbacks import RunState, TrainingRefused
from kclip.training.common.loggers import opened_loggers
from kclip.training.common.run import Run

STATE_FILE, BEST_FILE, HISTORY_FILE = "state.npz", "best.npz", "history.csv"
REFUSAL_FILE = "refusal.txt"

History = list[dict[str, float]]


def fit_epochs(
    model: Any,
    batches: Any,
    run: Run,
    epochs: int,
    measuring: Sequence[Any] = (),
    deciding: Sequence[Any] = (),
    validation: Any = None,
    stage: str = "",
    on_history: Callable[[History], None] | None = None,
    quiet: bool = False,
) -> History:
    """Trains to the last epoch, from a state in the run's folder where the run is resumed.

    After each batch it looks whether it shall stop; the state is saved then, every ten minutes, and
    after each epoch. A training that a state says is finished is not touched, but the model is
    given its weights.

    Args:
        model: compiled.
        batches: training batches with `set_position`, `dataset` and `batches_per_epoch`.
        run: folder, stop, resume, loggers.
        epochs: the last one's number, from 1.
        measuring: callbacks that add to the logs, before all others.
        deciding: callbacks that choose by the logs (best epoch, early stopping, learning rate,
            guards); what they remember is a part of the state.
        validation: batches with `dataset`, or None.
        stage: name of a part of a training in several parts, which has a state of its own.
        on_history: called with all epochs' logs after each; by default it writes `history.csv`.
        quiet: whether to show no progress, as one training of many.

    Returns:
        The logs of each epoch.

    Raises:
        Stopped: the run was asked to stop.
        TrainingRefused: a guard among `deciding` saw no way on, now or before the run is resumed.
    """
    state = RunState(
        run.checkpoint(STATE_FILE, stage),
        batches,
        [*deciding, *run.callbacks],
        stop_requested=run.stop_requested,
        on_stop=run.stop,
        on_history=on_history or (lambda history: write_history(history, run.folder)),
    )
    if not model.optimizer.built:  # a saved state has its variables
        model.optimizer.build(model.trainable_variables)
    refusal = run.checkpoint(REFUSAL_FILE, stage)
    if run.resume:
        _refuse_again(refusal)
        state.load()
    if not state.finished:
        # In this order: those that decide read what others measured, and the state is saved last.
        with _noted(refusal), opened_loggers(run, stage) as loggers:
            callbacks = [*measuring, *deciding, *loggers, *run.callbacks, state]
            _fit(model, batches, callbacks, state, epochs, validation, quiet)
    state.put_in_place(model)  # nothing was left to train
    state.finish()
    return state.history


@contextmanager
def _noted(refusal: Path) -> Iterator[None]:
    """Keeps why a guard ended the training, beside its state."""
    try:
        yield
    except TrainingRefused as error:
        write_text(refusal, str(error))
        raise


def _refuse_again(refusal: Path) -> None:
    if refusal.is_file():
        raise TrainingRefused(
            f"{refusal.read_text(encoding='utf-8')}; the run cannot go on: start a new one"
        )


def _fit(
    model: Any,
    batches: Any,
    callbacks: Sequence[Any],
    state: RunState,
    epochs: int,
    validation: Any,
    quiet: bool,
) -> None:
    def fit_to(last_epoch: int) -> None:
        first_epoch = len(state.history)
        batches.set_position(first_epoch, state.first_batch)
        model.fit(
            batches.dataset(),
            initial_epoch=first_epoch,
            epochs=last_epoch,
            validation_data=None if validation is None else validation.dataset(),
            shuffle=False,  # the batches come shuffled
            callbacks=callbacks,
            verbose=0 if quiet else keras_verbosity(),
        )

    # Keras counts an epoch's batches once a call, so the rest of a broken one is its own call.
    if state.first_batch:
        _build_metrics(model, batches)
        fit_to(state.epoch + 1)
    if not model.stop_training:
        fit_to(epochs)


def _build_metrics(model: Any, batches: Any) -> None:
    """Makes the variables that running metrics are saved in; Keras makes them in a first step."""
    inputs, targets = keras.tree.map_structure(np.asarray, next(iter(batches.dataset())))
    model.test_on_batch(inputs, targets)


def write_history(history: Sequence[dict[str, float]], folder: Path) -> None:
    """Writes `history.csv`, one row an epoch; the first is 0, as in Keras' own CSVLogger."""
    text = io.StringIO()
    rows = csv.DictWriter(text, fieldnames=list(history[0]), lineterminator="\n")
    rows.writeheader()
    rows.writerows(history)
    write_text(folder / HISTORY_FILE, text.getvalue())
