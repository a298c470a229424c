"""A figure of every class's average precision: seen and unseen apart, best first."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.reports.figures.style import BLUE, GREY, ORANGE, cut, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_NAMED_CLASSES = 160  # beyond that their names could not be read
ROWS_OF_A_COLUMN = 32
EXTREMES = 16  # best, and worst, classes that are named where not all can be
Row = Mapping[str, Any]
# What a group of classes is called -> its colour and marker, told apart without colour too.
STYLES = {"unseen classes": (ORANGE, "D"), "seen classes": (BLUE, "o"), "classes": (BLUE, "o")}


def draw_class_precisions(rows: Sequence[Row]) -> "Figure":
    """Draws average precisions as dots, beside what a random order would give.

    Up to 160 classes are all named. Beyond that the whole is drawn as curves over the fraction of
    classes, so that 925 seen and 81 unseen compare, with the best and worst named beside it.

    Args:
        rows: `class_name`, `seen`, `ap` and `random_ap`, fractions or None, of C classes, one of
            which has a value at least.
    """
    from matplotlib.figure import Figure

    groups = _groups(rows)
    if sum(map(len, groups.values())) > MAX_NAMED_CLASSES:
        return _draw_many(groups)
    columns = [
        (name, own[start : start + size], start, len(own))
        for name, own in groups.items()
        for size in [-(-len(own) // -(-len(own) // ROWS_OF_A_COLUMN))]
        for start in range(0, len(own), size)
    ]
    longest = max(len(own) for _, own, *_ in columns)
    size = (0.4 + 3.5 * len(columns), 1.5 + 0.2 * longest)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(1, len(columns), squeeze=False)[0]
    for axes, (name, own, start, total) in zip(grid, columns, strict=True):
        of = f" {start + 1}–{start + len(own)} of {total}" if total > len(own) else f" ({total})"
        _draw_rows(axes, own, name, plain(name + of))
        axes.set_ylim(longest - 0.4, -0.6)
    _finish(figure, grid, groups)
    return figure


def _groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The classes that have a value, best first, by what they are called."""
    ranked = sorted((row for row in rows if row["ap"] is not None), key=lambda row: -row["ap"])
    unseen = [row for row in ranked if not row["seen"]]
    seen = [row for row in ranked if row["seen"]]
    if unseen and seen:
        return {"unseen classes": unseen, "seen classes": seen}
    return {"classes": ranked}


def _draw_many(groups: Mapping[str, Sequence[Row]]) -> "Figure":
    from matplotlib.figure import Figure

    height = 2.0 + 0.2 * 2 * EXTREMES
    figure = Figure(figsize=(7.0 + 3.7 * len(groups), height), layout="constrained")
    widths = [6.6] + [3.5] * len(groups)
    whole, *grid = figure.subplots(1, len(widths), width_ratios=widths)
    for name, own in groups.items():
        color, marker = STYLES[name]
        fractions = 100 * (np.arange(len(own)) + 0.5) / len(own)
        values = [100 * row["ap"] for row in own]
        label = f"{len(own):,} {name}, mean {np.mean(values):.1f} %"
        whole.plot(fractions, values, marker, ms=3.5, color=color, alpha=0.7, label=label)
    whole.set_ylim(0, 102)
    whole.set_xlim(0, 100)
    whole.set_xlabel("fraction of the group's classes, best first (%)")
    whole.set_ylabel("average precision (%)")
    whole.set_title("All classes", fontsize=11)
    whole.grid(color="#e5e7eb")
    whole.legend(frameon=False, loc="upper right")
    for axes, (name, own) in zip(grid, groups.items(), strict=True):
        half = min(EXTREMES, len(own) // 2)
        _draw_rows(axes, [*own[:half], *own[-half:]], name, f"best and worst {half}\n{name}")
        axes.axhline(half - 0.5, color=GREY, lw=0.8, ls="--")
    _finish(figure, [whole, *grid], groups)
    return figure


def _draw_rows(axes: "Axes", rows: Sequence[Row], group: str, title: str) -> None:
    color, marker = STYLES[group]
    positions, values = range(len(rows)), [100 * row["ap"] for row in rows]
    axes.hlines(positions, 0, values, color=color, lw=1.0, alpha=0.35)
    axes.plot(values, positions, marker, ms=5, color=color)
    axes.plot([100 * row["random_ap"] for row in rows], positions, "|", ms=8, mew=1.5, color=GREY)
    axes.set_yticks(positions, [plain(cut(row["class_name"], 22)) for row in rows], fontsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 102)
    axes.set_xlabel("average precision (%)", fontsize=9)
    axes.set_title(title, fontsize=11)
    axes.grid(axis="x", color="#e5e7eb")


def _finish(figure: "Figure", grid: "Sequence[Axes]", groups: Mapping[str, Sequence[Row]]) -> None:
    for axes in grid:
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=0)
    means = [
        f"{name}: mean {100 * np.mean([row['ap'] for row in own]):.1f} %"
        for name, own in groups.items()
    ]
    title = ("Average precision", *means, "grey bars: a random order of the images")
    figure.suptitle((" · " if len(grid) > 1 else "\n").join(title), fontsize=12)
