import itertools
import time

import keras
import numpy as np

from kclip.training.common.callbacks.checkpoint import load_arrays, save_arrays

# What Keras' own callbacks remember from epoch to epoch; one of another kind lists the names of its
# attributes in `remembered`.
_MEMORY = ("wait", "best", "best_epoch", "cooldown_counter", "stopped_epoch")


class RunState(keras.callbacks.Callback):
    """Saves all that a run needs to go on where it was stopped, in the middle of an epoch too.

    One file holds the weights, the optimizer's slots, the random states, the running metrics,
    the history, what other callbacks remember, and the position: epoch and batch. Put it last,
    so that the others have seen an epoch before it is saved.

    Args:
        path: where the state is kept.
        batches: training batches with `set_position(epoch, first_batch)` and `batches_per_epoch`.
        callbacks: all that decide something, whose memory is kept: Keras' own (EarlyStopping,
            ReduceLROnPlateau, ...), and any with an attribute `remembered`, names of attributes
            that JSON can hold.
        stop_requested: function without arguments; when it returns true, the state is saved
            after the current batch and training ends.
        minutes: float. Between saves within an epoch; each epoch's end is saved anyway.
        on_stop: function of the epoch and batch that raises what ends training.
        on_history: called with the list of all epochs' logs after each epoch.
    """

    def __init__(self, path, batches, callbacks, stop_requested, on_stop, on_history, minutes=10.0):
        super().__init__()
        self.path = path
        self.batches = batches
        self.callbacks = list(callbacks)
        self.stop_requested = stop_requested
        self.on_stop = on_stop
        self.on_history = on_history
        self.minutes = minutes
        self.history = []
        self.epoch = 0
        self.first_batch = 0
        self.finished = False
        self._arrays = None
        self._memories = []
        self._counts = []

    def load(self):
        """Reads a saved state, if there is one; it takes effect when training starts."""
        if self.path.exists():
            self._arrays, state = load_arrays(self.path)
            self.epoch, self.first_batch = state["epoch"], state["batch"]
            self.history, self.finished = state["history"], state["finished"]
            self._memories, self._counts = state["memories"], state["variables"]

    def on_train_begin(self, logs=None):
        """Gives the other callbacks back what `fit` has just made them forget."""
        for callback, memory in zip(self.callbacks, self._memories, strict=False):
            vars(callback).update(memory)

    def on_epoch_begin(self, epoch, logs=None):
        """Moves the data to the epoch, and in the first one puts a loaded state in place."""
        if self._arrays is not None:
            # Only now, since `fit` resets the running metrics at the start of an epoch.
            self.put_in_place(self.model)
            if not self.first_batch:
                self.model.reset_metrics()  # they were saved as the epoch before had left them
        self.epoch = epoch
        self.batches.set_position(epoch, self.first_batch)
        self._saved_at = time.monotonic()

    def put_in_place(self, model):
        """Gives a compiled model the variables of a loaded state, if they have not been given."""
        if self._arrays is None:
            return
        arrays = iter(self._arrays)
        for variables, count in zip(_variables(model), self._counts, strict=True):
            values = list(itertools.islice(arrays, count))
            # Metrics are built by the first step; between epochs nobody asks for them.
            if len(variables) == count or self.first_batch:
                for variable, value in zip(variables, values, strict=True):
                    variable.assign(value)
        self._arrays = None

    def on_train_batch_end(self, batch, logs=None):
        """Saves when it is time, or when the run is asked to stop."""
        done = self.first_batch + batch + 1
        if done >= self.batches.batches_per_epoch:
            return  # the end of the epoch follows, which has to be measured, and saves anyway
        stop = self.stop_requested()
        if stop or time.monotonic() - self._saved_at > self.minutes * 60:
            self._save(self.epoch, done)
        if stop:
            self.on_stop(self.epoch, done)

    def on_epoch_end(self, epoch, logs=None):
        """Saves the state at the start of the next epoch."""
        self.history.append({"epoch": epoch, **{k: float(v) for k, v in (logs or {}).items()}})
        self.on_history(self.history)
        self.first_batch = 0
        self._save(epoch + 1, 0)
        if self.stop_requested():
            self.on_stop(epoch + 1, 0)

    def finish(self):
        """Notes that nothing is left to train; called after `fit`, or instead of it."""
        if not self.finished:
            self.finished = True
            self._save(len(self.history), 0)

    def _save(self, epoch, batch):
        self._memories = [_memory(callback) for callback in self.callbacks]
        state = {
            "epoch": epoch,
            "batch": batch,
            # A callback may have ended training with this epoch.
            "finished": self.finished or (batch == 0 and bool(self.model.stop_training)),
            "history": self.history,
            "memories": self._memories,
            "variables": [len(variables) for variables in _variables(self.model)],
        }
        arrays = [np.asarray(v) for variables in _variables(self.model) for v in variables]
        save_arrays(self.path, arrays, state)
        self._saved_at = time.monotonic()


def _variables(model) -> list[list[keras.Variable]]:
    """Of a compiled model, its optimizer and its metrics: each once, in order."""
    metrics = [variable for metric in model.metrics for variable in metric.variables]
    seen = set()
    return [
        [v for v in variables if not (id(v) in seen or seen.add(id(v)))]
        for variables in (model.variables, model.optimizer.variables, metrics)
    ]


def _memory(callback):
    names = (*_MEMORY, *getattr(callback, "remembered", ()))
    return {name: _plain(value) for name, value in vars(callback).items() if name in names}


def _plain(value):
    return float(value) if hasattr(value, "dtype") else value  # scalars of NumPy or a backend
