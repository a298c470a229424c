"""The curves of fine-tuning a classifier; imports no TensorFlow."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kclip.reports.figures.style import BLUE, GREY, ORANGE, draw_epochs, finish_epochs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_classifier_curves(history: Mapping[str, Sequence[float]]) -> "Figure":
    """Draws loss and accuracy over the epochs; a line divides the head's epochs from the network's.

    Args:
        history: column -> one value an epoch, as read from `history.csv`: `loss`, `val_loss`,
            `accuracy` and `val_accuracy` in [0, 1], and `fine_tuning`, 0 or 1.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.0, 4.0), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    head_epochs = int(np.sum(np.asarray(history["fine_tuning"]) == 0))
    for axes, column, factor in ((loss, "loss", 1), (accuracy, "accuracy", 100)):
        for prefix, label, color in (("", "training", BLUE), ("val_", "validation", ORANGE)):
            values = factor * np.asarray(history[prefix + column], float)
            draw_epochs(axes, values, label, color)
        if 0 < head_epochs < len(history["loss"]):
            axes.axvline(head_epochs + 0.5, color=GREY, ls="--", lw=1.2, label="fine-tuning begins")
    finish_epochs(loss, "Cross-entropy", "loss")
    finish_epochs(accuracy, "Accuracy", "accuracy (%)")
    for axes in (loss, accuracy):
        axes.legend(frameon=False)
    return figure
