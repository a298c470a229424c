import keras
import numpy as np

from kclip.checkpoint import load_arrays, save_arrays


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the smallest validation loss in a file.

    Args:
        path: the file; whole or absent at any moment, and of use after a resume too.
        monitor: key of the logs.
    """

    def __init__(self, path, monitor="val_loss"):
        super().__init__()
        self.path = path
        self.monitor = monitor
        self.best = float("inf")

    def on_epoch_end(self, epoch, logs=None):
        """Saves the weights if this epoch is the best so far."""
        value = (logs or {})[self.monitor]
        if value < self.best:
            self.best = value
            save_arrays(self.path, [np.asarray(v) for v in self.model.variables], epoch)

    def restore(self, model):
        """Puts the best epoch's weights into the model, and returns that epoch (from 0)."""
        arrays, epoch = load_arrays(self.path)
        for variable, value in zip(model.variables, arrays, strict=True):
            variable.assign(value)
        return epoch
