"""Training from where a state stands to the last epoch, and what is written of it."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kclip.console.progress import keras_verbosity
from kclip.files import replaced_when_done
from kclip.training.common.callbacks import RunState


def fit_epochs(
    model: Any,
    train: Any,
    callbacks: Sequence[Any],
    state: RunState,
    epochs: int,
    validation: Any = None,
) -> None:
    """Trains from where a state stands to the last epoch, unless it is finished.

    Args:
        model: compiled.
        train: batches with `set_position` and `dataset`.
        callbacks: of `fit`, the state among them.
        state: says where to begin.
        epochs: the last one's number, from 1.
        validation: batches with `dataset`, or None.
    """
    if state.finished:
        return

    def fit_to(last_epoch: int) -> None:
        first_epoch = len(state.history)
        train.set_position(first_epoch, state.first_batch)
        model.fit(
            train.dataset(),
            initial_epoch=first_epoch,
            epochs=last_epoch,
            validation_data=None if validation is None else validation.dataset(),
            shuffle=False,  # the batches come shuffled
            callbacks=callbacks,
            verbose=keras_verbosity(),
        )

    # Keras counts an epoch's batches once a call, so the rest of a broken one is its own call.
    if state.first_batch:
        fit_to(state.epoch + 1)
    if not model.stop_training:
        fit_to(epochs)
    state.finish()


def write_history(history: Sequence[dict[str, float]], path: Path) -> None:
    """Writes one row an epoch, atomically; the first epoch is 0, as in Keras' own CSVLogger."""
    text = io.StringIO()
    rows = csv.DictWriter(text, fieldnames=list(history[0]), lineterminator="\n")
    rows.writeheader()
    rows.writerows(history)
    with replaced_when_done(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
