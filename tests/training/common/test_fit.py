"""The one training loop: a run that was broken ends like one that was not."""

import csv
import dataclasses
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from kclip.training.common.array_batches import ArrayBatches
from kclip.training.common.callbacks import BestWeights, RunState, TrainingRefused
from kclip.training.common.fit import BEST_FILE, STATE_FILE, fit_epochs
from kclip.training.common.run import Run
from kclip.training.common.stop_signals import Stopped, StopRequest

EPOCHS = 6
RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(20, 3)).astype("float32")
TARGETS = (INPUTS @ [1.0, -2.0, 0.5]).astype("float32")[:, None]


class StopAfter(StopRequest):
    """Is asked to stop when it has been asked so often itself: after each batch or epoch."""

    def __init__(self, batches=10**9):
        super().__init__()
        self.batches = batches

    def __call__(self):
        self.batches -= 1
        if self.batches == 0:
            self.signal = signal.SIGTERM
        return super().__call__()


class LossesSeen(keras.callbacks.Callback):
    """Remembers something of its own."""

    remembered = ("losses",)

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(round(float(logs["loss"]), 6))


def train(folder, stop=None, resume=False, epochs=EPOCHS, patience=100, callbacks=(), **options):
    """A regression with dropout, whose learning rate is cut at each epoch without a record."""
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.3), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile(keras.optimizers.AdamW(0.01), "mse", metrics=["mae"])
    run = Run(folder, stop or StopAfter(), "again", resume, callbacks=callbacks)
    best = BestWeights(run.checkpoint(BEST_FILE), "val_loss", "min")
    decide = [
        best,
        keras.callbacks.EarlyStopping(patience=patience),
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.5),
    ]
    batches = ArrayBatches(INPUTS, TARGETS, batch_size=4)
    held_out = ArrayBatches(INPUTS[:8], TARGETS[:8], batch_size=4, shuffle=False)
    history = fit_epochs(
        model, batches, run, epochs, deciding=decide, validation=held_out, quiet=True, **options
    )
    return model, history, best


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing has interrupted, and what a callback of one's own saw of it."""
    seen = LossesSeen()
    return *train(tmp_path_factory.mktemp("whole"), callbacks=[seen]), seen.losses


def assert_same(model, history, whole):
    for ours, theirs in zip(history, whole[1], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    for ours, theirs in zip(model.get_weights(), whole[0].get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("batches", [3, 5, 12], ids=["first_epoch", "its_end", "third"])
def test_a_run_that_was_stopped_ends_like_a_whole_one(tmp_path, whole, batches):
    with pytest.raises(Stopped, match="Go on with: again") as stopped:
        train(tmp_path, StopAfter(batches))
    assert stopped.value.exit_code == 128 + signal.SIGTERM
    with pytest.raises(Stopped):  # once more
        train(tmp_path, StopAfter(7), resume=True)
    model, history, best = train(tmp_path, resume=True)
    assert_same(model, history, whole)
    assert best.best == pytest.approx(whole[2].best)
    with (tmp_path / "history.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == list(range(EPOCHS))


def test_what_callbacks_of_ones_own_remember_is_saved(tmp_path, whole):
    with pytest.raises(Stopped):
        train(tmp_path, StopAfter(12), callbacks=[LossesSeen()])
    seen = LossesSeen()
    train(tmp_path, resume=True, callbacks=[seen])
    assert seen.losses == pytest.approx(whole[3])


class PowerCut(Exception):
    pass


def test_a_run_that_ended_by_itself_is_finished_even_if_nobody_could_note_it(tmp_path, monkeypatch):
    """Early stopping ended the training with an epoch, and the process with it."""

    def finish(self):
        raise PowerCut

    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(RunState, "finish", finish)
        train(tmp_path, epochs=100, patience=1)
    _, history, _ = train(tmp_path, epochs=100, patience=1, resume=True)
    losses = [row["val_loss"] for row in history]
    assert len(losses) == 100 or losses[-1] >= min(losses[:-1])
    assert len(losses) < 100


def test_a_run_whose_last_epoch_is_saved_keeps_its_weights(tmp_path, whole, monkeypatch):
    def finish(self):
        raise PowerCut

    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(RunState, "finish", finish)
        train(tmp_path)
    for _ in range(2):  # the second time it is finished
        model, history, _ = train(tmp_path, resume=True)
        assert_same(model, history, whole)


def test_stages_have_a_state_each(tmp_path):
    train(tmp_path, stage="head", epochs=1)
    _, history, _ = train(tmp_path, stage="tower", epochs=2, resume=True)
    assert [row["epoch"] for row in history] == [0, 1]
    assert (tmp_path / "checkpoint" / "head" / STATE_FILE).is_file()


def test_a_part_of_a_run_has_a_folder_of_its_own(tmp_path):
    run = Run(tmp_path, StopRequest(), "again", log_to=("tensorboard",))
    assert run.part("a") == dataclasses.replace(run, folder=tmp_path / "a")


class RefuseThird(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2 and not self.model.forgiving:
            raise TrainingRefused("it has collapsed")


def test_a_run_that_was_refused_stays_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.Model, "forgiving", False, raising=False)
    with pytest.raises(TrainingRefused, match="^it has collapsed$"):
        train(tmp_path, callbacks=[RefuseThird()])
    # Whatever the guard would say of the same epoch again.
    monkeypatch.setattr(keras.Model, "forgiving", True)
    with pytest.raises(TrainingRefused, match="it has collapsed; the run cannot go on: start a"):
        train(tmp_path, resume=True, callbacks=[RefuseThird()])
    assert len(train(tmp_path / "new", callbacks=[RefuseThird()])[1]) == EPOCHS


def test_a_second_signal_ends_the_process_at_once():
    program = (
        "import os, signal, time; from kclip.training.common.stop_signals import stop_signals\n"
        "with stop_signals() as stop:\n"
        "    os.kill(os.getpid(), signal.SIGINT); assert stop()\n"
        "    try: os.kill(os.getpid(), signal.SIGINT); time.sleep(60)\n"
        "    except KeyboardInterrupt: time.sleep(60)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], timeout=50, check=False)
    assert ended.returncode == -signal.SIGINT
