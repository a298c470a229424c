"""Figures of a comparison: accuracies with intervals, differences, few-shot curves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.reports.figures.style import BLUE, GREEN, GREY, ORANGE, PALE, cut, plain, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = (BLUE, ORANGE, GREEN, "#805ad5", "#b83280", "#744210")


def draw_accuracies(methods: Sequence[Mapping[str, Any]], chance: float | None = None) -> "Figure":
    """Draws each method's accuracy with its interval.

    Args:
        methods: `name`, `accuracy` and `intervals`: `{"accuracy": [low, high]}`, fractions.
        chance: what a guess gets, in [0, 1]; None for no line.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 1.1 + 0.5 * len(methods)), layout="constrained")
    axes = figure.add_subplot()
    for row, method in enumerate(methods):
        accuracy, (low, high) = method["accuracy"], method["intervals"]["accuracy"]
        axes.plot([100 * low, 100 * high], [row, row], color=BLUE, lw=5, alpha=0.35)
        axes.plot(100 * accuracy, row, "o", color=BLUE, ms=8)
        axes.annotate(
            f"{100 * accuracy:.1f} %", (100 * high, row), (8, 0), textcoords="offset points",
            va="center", fontsize=10,
        )  # fmt: skip
    if chance is not None:
        label = f"a guess: {100 * chance:.1f} %"
        axes.axvline(100 * chance, color=GREY, lw=1, ls="--", label=label)
        figure.legend(frameon=False, loc="outside lower right")
    names = [plain(wrapped(method["name"], 36)) for method in methods]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.12)
    _finish(axes, "Accuracy and its 95 % interval")
    axes.set_xlabel("accuracy (%)")
    axes.grid(axis="x", color=PALE)
    return figure


def draw_paired_differences(differences: Sequence[Mapping[str, Any]]) -> "Figure":
    """Draws how much more accurate one method is than another, with the interval.

    Pairs whose interval holds zero, so that either may be the better one, are grey.

    Args:
        differences: of `comparison.results.compare_methods`, one or more.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 1.3 + 0.62 * len(differences)), layout="constrained")
    axes = figure.add_subplot()
    axes.axvline(0, color=GREY, lw=1, ls="--")
    for row, pair in enumerate(differences):
        difference = 100 * pair["metrics"]["accuracy"]["difference"]
        low, high = (100 * end for end in pair["metrics"]["accuracy"]["interval"])
        color = GREY if low <= 0 <= high else BLUE
        axes.plot([low, high], [row, row], color=color, lw=5, alpha=0.35)
        axes.plot(difference, row, "o", color=color, ms=8)
        axes.annotate(
            f"{difference:+.1f}", (high, row), (8, 0), textcoords="offset points",
            va="center", fontsize=10,
        )  # fmt: skip
    names = [
        f"{plain(cut(pair['first'], 40))}\nless {plain(cut(pair['second'], 36))}"
        for pair in differences
    ]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.12)
    _finish(axes, "Difference of accuracy and its 95 % interval")
    axes.set_xlabel("percentage points")
    axes.grid(axis="x", color=PALE)
    return figure


def draw_few_shot(curves: Sequence[Mapping[str, Any]], chance: float | None = None) -> "Figure":
    """Draws accuracy against labelled examples a class, as in Radford et al. 2021, figure 6.

    Zero-shot, which needs none, is a dashed line; the probe on all images a line of dots.

    Args:
        curves: `model`; `shots`, a list of `{"shots", "mean", "standard_deviation"}`; `zero_shot`
            and `all`, accuracies or None. Fractions in [0, 1].
        chance: what a guess gets, in [0, 1]; None for no line.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    axes = figure.add_subplot()
    counts = sorted({row["shots"] for curve in curves for row in curve["shots"]})
    for curve, color in zip(curves, COLORS * len(curves), strict=False):
        _draw_curve(axes, curve, counts, color)
    if chance is not None:
        axes.axhline(100 * chance, color=GREY, lw=1, ls="--", label="a guess")
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_xlim(counts[0] / 1.3, counts[-1] * 1.3)
    axes.margins(y=0.08)
    axes.set_xlabel("labelled images of each class")
    axes.set_ylabel("accuracy (%)")
    axes.grid(axis="y", color=PALE)
    _finish(axes, "Linear probes on a few labelled images, and zero-shot")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _draw_curve(axes: "Axes", curve: Mapping[str, Any], counts: Sequence[int], color: str) -> None:
    name = plain(cut(curve["model"], 40))
    shots = [row["shots"] for row in curve["shots"]]
    mean = 100 * np.array([row["mean"] for row in curve["shots"]])
    spread = 100 * np.array([row["standard_deviation"] for row in curve["shots"]])
    axes.plot(shots, mean, "o-", color=color, lw=1.8, label=f"{name}: probe")
    axes.fill_between(shots, mean - spread, mean + spread, color=color, alpha=0.15, lw=0)
    for key, style, label in (("zero_shot", "--", "zero-shot"), ("all", ":", "probe on all")):
        if curve[key] is not None:
            axes.axhline(100 * curve[key], color=color, ls=style, lw=1.6, label=f"{name}: {label}")


def _finish(axes: "Axes", title: str) -> None:
    axes.set_title(title, fontsize=12, pad=10)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(color=GREY)
