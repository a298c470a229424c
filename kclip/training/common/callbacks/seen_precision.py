import keras

from kclip.losses import AsymmetricLoss
from kclip.metrics.multilabel import mean_average_precision


class SeenPrecision(keras.callbacks.Callback):
    """Adds figures of the seen classes on the validation split to each epoch's logs.

    `val_map`, mean average precision (scikit-learn's), and `val_classification_loss`. Put it
    before callbacks that read the logs.

    Args:
        logits: function without arguments that returns the current (N, C) of the split.
        labels: (N, C) of 0 and 1.
        valid_mask: (N, C) bool, False where a label is neither right nor wrong; all count
            by default.
    """

    def __init__(self, logits, labels, valid_mask=None):
        super().__init__()
        self.logits = logits
        self.labels = labels
        self.valid_mask = valid_mask

    def on_epoch_end(self, epoch, logs=None):
        """Scores the split with the weights of this moment."""
        logits = self.logits()
        loss = float(AsymmetricLoss()(self.labels, logits, self.valid_mask))
        logs["val_map"] = mean_average_precision(self.labels, logits, valid_mask=self.valid_mask)
        logs["val_classification_loss"] = loss / len(self.labels)
