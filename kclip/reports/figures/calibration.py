"""How far a classifier's probabilities can be trusted: reliability diagram and coverage curve."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.reports.figures.style import BLUE, GREY, ORANGE, finish_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_reliability(calibration: Mapping[str, Any]) -> "Figure":
    """Draws accuracy against confidence, before and after calibration if there was one.

    Bars are the accuracy in each bin, the orange hatching reaches from there to the bin's mean
    confidence; the grey histogram at the foot shows where the images are.

    Args:
        calibration: of `zero_shot_results`.
    """
    from matplotlib.figure import Figure

    temperature = calibration["temperature"]
    titles = {"before": "Before calibration", "after": f"After (temperature {temperature:.2f})"}
    if temperature == 1:
        titles = {"before": "Not calibrated"}
    figure = Figure(figsize=(4.6 * len(titles), 5.2), layout="constrained")
    grid = figure.subplots(
        2, len(titles), squeeze=False, sharex=True, height_ratios=(4, 1), sharey="row"
    )
    for (when, title), (upper, lower) in zip(titles.items(), grid.T, strict=True):
        error = calibration["expected_calibration_error"][when]
        bins = [row for row in calibration["reliability"][when] if row["num_images"]]
        _draw_bins(upper, bins)
        _draw_histogram(lower, bins)
        upper.set_title(f"{title}: ECE {100 * error:.1f} %", fontsize=12, pad=10)
    grid[0, 0].set_ylabel("accuracy (%)")
    grid[1, 0].set_ylabel("images (%)")
    grid[0, 0].legend(frameon=False, loc="upper left")
    return figure


def draw_coverage(abstention: Mapping[str, Any]) -> "Figure":
    """Draws the accuracy on the answered images against how many are answered.

    Args:
        abstention: of `zero_shot_results`; its threshold is marked, if any.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.2), layout="constrained")
    axes = figure.add_subplot()
    curve = abstention["curve"]
    coverage = [100 * row["coverage"] for row in curve]
    accuracy = [100 * row["accuracy"] for row in curve]
    axes.plot(coverage, accuracy, color=BLUE, lw=2)
    axes.axhline(accuracy[-1], color=GREY, lw=1, ls=":")
    axes.annotate(
        f"all answered: {accuracy[-1]:.1f} %",
        (0, accuracy[-1]),
        xytext=(4, -5),
        textcoords="offset points",
        va="top",
        color=GREY,
    )
    if abstention["threshold"] is not None and abstention["accuracy"] is not None:
        point = (100 * abstention["coverage"], 100 * abstention["accuracy"])
        label = f"threshold {abstention['threshold']:.2f}: {point[1]:.1f} % of {point[0]:.1f} %"
        axes.plot(*point, "o", ms=9, color=ORANGE, label=label)
        axes.legend(frameon=False, loc="lower left")
    axes.set_xlim(0, 101)
    axes.set_ylim(0, 104)
    axes.set_xlabel("images answered (%); the rest: “I don't know”")
    finish_axes(axes, "Accuracy against coverage", "right among the answered (%)")
    return figure


def _draw_bins(axes: "Axes", bins: Sequence[Mapping[str, Any]]) -> None:
    left = [100 * row["lower"] for row in bins]
    width = [100 * (row["upper"] - row["lower"]) for row in bins]
    accuracy = np.array([100 * row["accuracy"] for row in bins])
    gap = np.array([100 * row["confidence"] for row in bins]) - accuracy
    axes.bar(left, accuracy, width, align="edge", color=BLUE, ec="white", lw=0.5, label="accuracy")
    axes.bar(
        left,
        gap,
        width,
        bottom=accuracy,
        align="edge",
        color="none",
        ec=ORANGE,
        hatch="////",  # seen on white, where the model is too sure, and on blue, where it is not
        lw=1,
        label="gap to confidence",
    )
    axes.plot([0, 100], [0, 100], color=GREY, lw=1, ls="--", label="perfect")
    axes.set_ylim(0, 100)
    finish_axes(axes, "", "")


def _draw_histogram(axes: "Axes", bins: Sequence[Mapping[str, Any]]) -> None:
    total = sum(row["num_images"] for row in bins)
    left = [100 * row["lower"] for row in bins]
    width = [100 * (row["upper"] - row["lower"]) for row in bins]
    fractions = [100 * row["num_images"] / total for row in bins]
    axes.bar(left, fractions, width, align="edge", color=GREY, ec="white", lw=0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("confidence (%)")
    finish_axes(axes, "", "")
