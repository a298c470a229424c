"""Charts of what a data set holds: class sizes and caption lengths; imports no TensorFlow."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kclip.reports.figures.style import BLUE, GREEN, GREY, ORANGE, PALE, cut, finish_axes, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_NAMED = 30  # classes; of more, the curve of sizes is drawn
_COLORS = (BLUE, ORANGE, GREEN, GREY)
_LENGTHS = {30: "kclip's models", 75: "CLIP"}  # words and marks that they read at most


def draw_class_sizes(classes: Mapping[str, Mapping[str, int]]) -> "Figure":
    """Draws how many images of each split show each class, the largest class first.

    Up to 30 classes are bars with names; of more, the sizes are drawn as curves on a logarithmic
    scale.

    Args:
        classes: label -> split -> images, as `count_labels` gives it; not empty.
    """
    from matplotlib.figure import Figure

    names = sorted(classes, key=lambda name: -sum(classes[name].values()))
    splits = list(classes[names[0]])
    title = f"Images of {len(names):,} class{'es' * (len(names) > 1)}"
    if len(names) > MAX_NAMED:
        figure = Figure(figsize=(7.0, 4.0), layout="constrained")
        axes = figure.add_subplot()
        _draw_sorted_sizes(axes, classes, splits)
        finish_axes(axes, title, "images")
    else:
        figure = Figure(figsize=(7.0, 1.2 + 0.26 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        _draw_bars(axes, classes, names, splits)
        axes.set_title(title, fontsize=12, pad=10)
        axes.spines[["top", "right"]].set_visible(False)
    if len(splits) > 1:
        axes.legend(frameon=False, loc="upper right" if len(names) > MAX_NAMED else "lower right")
    return figure


def draw_caption_lengths(words: Mapping[int, int]) -> "Figure":
    """Draws how many captions have how many words and marks.

    Args:
        words: number of words and marks -> captions; not empty.
    """
    from matplotlib.figure import Figure

    lengths, counts = np.array(sorted(words.items())).T
    figure = Figure(figsize=(7.0, 3.4), layout="constrained")
    axes = figure.add_subplot()
    width = max(1, -(-(lengths.max() + 1) // 80))  # of a bar, so that there are at most 80
    bins = np.arange(0, lengths.max() + width + 1, width)
    axes.hist(lengths, bins=bins - 0.5, weights=counts, color=BLUE, rwidth=0.9)
    for length, name in _LENGTHS.items():
        if length <= 1.5 * lengths.max():
            axes.axvline(length + 0.5, color=ORANGE, lw=1.2, ls="--")
            axes.text(length + 0.5, 0.97, f" limit of {name}", fontsize=8, color=ORANGE,
                      va="top", transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set_xlim(-1)
    axes.set_xlabel("words and marks of a caption")
    finish_axes(axes, f"{counts.sum():,} captions", "captions")
    return figure


def _draw_bars(
    axes: "Axes",
    classes: Mapping[str, Mapping[str, int]],
    names: list[str],
    splits: list[str],
) -> None:
    rows = np.arange(len(names))
    left = np.zeros(len(names))
    for split, color in zip(splits, _cycle(len(splits)), strict=True):
        counts = np.array([classes[name][split] for name in names])
        axes.barh(rows, counts, 0.75, left, color=color, label=plain(split))
        left += counts
    for row, total in zip(rows, left, strict=True):
        axes.text(total + 0.01 * left.max(), float(row), f"{total:,.0f}", va="center", fontsize=8)
    axes.set_yticks(rows, [plain(cut(name, 28)) for name in names], fontsize=9)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, 1.1 * max(1, left.max()))
    axes.set_xlabel("images")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)


def _draw_sorted_sizes(
    axes: "Axes", classes: Mapping[str, Mapping[str, int]], splits: list[str]
) -> None:
    for split, color in zip(splits, _cycle(len(splits)), strict=True):
        counts = sorted((own[split] for own in classes.values()), reverse=True)
        axes.plot(np.arange(1, len(counts) + 1), counts, color=color, lw=1.8, label=plain(split))
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(0)
    axes.set_xlabel("classes of a split, the largest first")


def _cycle(count: int) -> list[str]:
    return [_COLORS[number % len(_COLORS)] for number in range(count)]
