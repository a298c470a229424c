"""Images with what a classifier makes of them; imports no TensorFlow."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kclip.data.images.opening import load_image
from kclip.reports.figures.style import BLUE, GREEN, cut, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4


def draw_predictions(
    examples: Sequence[Mapping[str, Any]], images: Mapping[str, Path | bytes]
) -> "Figure":
    """Draws images, and under each its likeliest classes, as in Radford et al. 2021, figure 21.

    The bar of the true class is green.

    Args:
        examples: `{"file_name", "true_class", "best"}` each; `best` are pairs of a class and its
            probability in [0, 1], as a row of `ZeroShotClassifier.top_k` gives them.
        images: file name -> image.
    """
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(examples))
    rows = math.ceil(len(examples) / columns)
    longest = max(len(example["best"]) for example in examples)
    heights = (2.0, 0.26 * longest)
    size = (2.5 * columns, (sum(heights) + 0.5) * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=heights * rows)
    for axes in grid.flat:
        axes.set_axis_off()
    for number, example in enumerate(examples):
        row, column = divmod(number, columns)
        shown, bars = grid[2 * row : 2 * row + 2, column]
        shown.imshow(load_image(images[example["file_name"]]), interpolation="nearest")
        shown.set_title(plain(cut(example["true_class"], 26)), fontsize=11, pad=5)
        _draw_bars(bars, example["best"], example["true_class"], longest)
    return figure


def _draw_bars(
    axes: "Axes", best: Sequence[tuple[str, float]], true_class: str, longest: int
) -> None:
    for row, (name, probability) in enumerate(best):
        color = GREEN if name == true_class else BLUE
        axes.barh(row, 100, 0.8, color="#f3f4f6")
        axes.barh(row, 100 * probability, 0.8, color=color, alpha=0.5)
        axes.text(2, row, plain(cut(name, 22)), va="center", fontsize=9)
        axes.text(98, row, f"{100 * probability:.1f} %", va="center", ha="right", fontsize=9)
    axes.set_xlim(0, 100)
    axes.set_ylim(longest - 0.5, -0.5)
