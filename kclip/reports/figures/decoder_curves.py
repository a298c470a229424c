"""The curves of training a multi-label classifier; imports no TensorFlow."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kclip.reports.figures.style import BLUE, GREY, ORANGE, draw_epochs, finish_epochs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# column -> label, colour, line
_LOSSES = {
    "classification_loss": ("classification, training", BLUE, "-"),
    "val_classification_loss": ("classification, validation", ORANGE, "-"),
    "alignment_loss": ("alignment, training", GREY, "--"),
}


def draw_decoder_curves(history: Mapping[str, Sequence[float]]) -> "Figure":
    """Draws the parts of the loss over the epochs, and beside them the seen classes' mAP.

    Args:
        history: column -> one value an epoch, as read from `history.csv`: `loss`, `val_map` in
            [0, 1], `val_classification_loss`, and with alignment `classification_loss` and
            `alignment_loss`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.0, 4.0), layout="constrained")
    losses, precision = figure.subplots(1, 2)
    if "classification_loss" not in history:  # it is the whole loss then
        history = {**history, "classification_loss": history["loss"]}
    for column, (label, color, style) in _LOSSES.items():
        if column in history:
            draw_epochs(losses, np.asarray(history[column], float), label, color, style)
    draw_epochs(precision, 100 * np.asarray(history["val_map"], float), "", ORANGE, "-")
    finish_epochs(losses, "Parts of the loss, before weighting", "loss of an image")
    losses.legend(frameon=False)
    finish_epochs(precision, "Seen classes on the validation split", "mAP (%)")
    return figure
