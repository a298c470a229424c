import keras
import numpy as np

from kclip.training.common.callbacks.checkpoint import load_arrays, save_arrays


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the best epoch in a file.

    Args:
        path: the file; whole or absent at any moment, and of use after a resume too.
        monitor: key of the logs.
        mode: "min" or "max", which of its values is the best.
    """

    def __init__(self, path, monitor, mode):
        super().__init__()
        self.path = path
        self.monitor = monitor
        self.sign = {"min": 1, "max": -1}[mode]
        self.best = float("inf")

    def on_epoch_end(self, epoch, logs=None):
        """Saves the weights if this epoch is the best so far."""
        value = self.sign * logs[self.monitor]
        if value < self.best:
            self.best = value
            save_arrays(self.path, [np.asarray(v) for v in self.model.variables], epoch)

    def restore(self, model):
        """Puts the best epoch's weights into the model, and returns that epoch (from 0)."""
        arrays, epoch = load_arrays(self.path)
        for variable, value in zip(model.variables, arrays, strict=True):
            variable.assign(value)
        return epoch
