"""The curves of training a dual encoder: losses and recalls by epoch; imports no TensorFlow."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kclip.reports.figures.style import BLUE, GREY, ORANGE, draw_epochs, finish_epochs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RECALL_STYLES = {"1": ":", "5": "--"}  # by K; solid for all others


def draw_curves(history: Mapping[str, Sequence[float]]) -> "Figure":
    """Draws both losses over the epochs, and beside them the recalls on the validation set.

    Args:
        history: column -> one value an epoch, as read from `history.csv`: `loss`, `val_loss`, and
            the recalls of both directions (`..._to_..._recall@K`), fractions in [0, 1]; NaN where
            absent.
    """
    from matplotlib.figure import Figure

    recalls = {name: values for name, values in history.items() if "_to_" in name}
    count = 1 + bool(recalls)
    figure = Figure(figsize=(6.0 * count, 4.0), layout="constrained")
    axes = figure.subplots(1, count, squeeze=False)[0]
    losses = {"loss": "training", "val_loss": "validation"}
    for (column, label), color in zip(losses.items(), (BLUE, ORANGE), strict=True):
        if column in history:
            draw_epochs(axes[0], history[column], label, color)
    validation = np.asarray(history.get("val_loss", ()), float)
    if np.isfinite(validation).any():
        best = int(np.nanargmin(validation))
        axes[0].plot(best + 1, validation[best], "o", ms=11, mfc="none", mec=GREY, label="lowest")
    _finish_curve(axes[0], "Contrastive loss", "loss")
    if recalls:
        for column, values in recalls.items():
            color = BLUE if "text_to_image" in column else ORANGE
            style = RECALL_STYLES.get(column.rpartition("@")[2], "-")
            percent = 100 * np.asarray(values, float)
            draw_epochs(axes[1], percent, _recall_label(column), color, style)
        _finish_curve(axes[1], "Retrieval on the validation set", "recall (%)")
        axes[1].set_ylim(0, 100)
    return figure


def _finish_curve(axes: "Axes", title: str, unit: str) -> None:
    epochs = max((np.size(line.get_xdata()) for line in axes.lines), default=1)
    axes.set_xlim(1 - 0.03 * epochs, epochs + 0.03 * epochs)
    finish_epochs(axes, title, unit)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)


def _recall_label(column: str) -> str:
    """`val_text_to_image_recall@10` -> `text → image R@10`."""
    name = column.removeprefix("val_").replace("_to_", " → ").replace("recall@", "R@")
    return name.replace("_", " ")
