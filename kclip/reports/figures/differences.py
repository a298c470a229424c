"""The chart of how far execution modes differ; imports no TensorFlow."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kclip.reports.figures.style import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALLEST = 1e-9  # where a bar of a difference of zero begins and ends


def draw_differences(differences: Mapping[str, tuple[float, float]]) -> "Figure":
    """Draws a bar for each mode on a logarithmic scale, and its limit as a tick.

    Args:
        differences: mode -> largest difference of a probability, and its limit.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 0.9 + 0.36 * max(1, len(differences))))
    axes = figure.add_subplot()
    for row, (difference, limit) in enumerate(differences.values()):
        color = BLUE if difference <= limit else ORANGE
        axes.barh(row, max(difference, SMALLEST), 0.6, color=color)
        axes.plot([limit, limit], [row - 0.4, row + 0.4], color=GREY, lw=2)
    axes.set_yticks(range(len(differences)), list(differences))
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(SMALLEST, 1)
    axes.set_xlabel("largest difference of a class probability (grey: the limit)")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
