"""A figure of mAP over the fraction of the training images: a line a method."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.reports.figures.style import BLUE, GREEN, GREY, ORANGE, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = (BLUE, ORANGE, GREEN, "#805ad5", "#b83280", "#744210", "#2c7a7b")
MARKERS = "osD^vP*"
ZERO_SHOT = "0.0"


def draw_ratio_curve(
    summary: Mapping[str, Mapping[str, Mapping[str, Any]]],
    baselines: Collection[str],
    constant: float,
    title: str,
) -> "Figure":
    """Draws mean and standard deviation of each method's mAP over the fraction it was trained on.

    Adapters are full lines, baselines dashed ones, methods without training images thin horizontal
    lines.

    Args:
        summary: method -> ratio ("0.02" ... "1.0"; "0.0" for none) -> `map` and `map_std`, both in
            [0, 1].
        baselines: the methods that are dashed.
        constant: mAP of a predictor that knows nothing.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 6.0), layout="constrained")
    axes = figure.add_subplot()
    trained = [name for name, by_ratio in summary.items() if set(by_ratio) - {ZERO_SHOT}]
    for number, name in enumerate(trained):
        by_ratio = {float(r): row for r, row in summary[name].items() if r != ZERO_SHOT}
        fractions = sorted(by_ratio)
        mean = 100 * np.array([by_ratio[f]["map"] for f in fractions])
        spread = 100 * np.array([by_ratio[f]["map_std"] for f in fractions])
        color = COLORS[number % len(COLORS)]
        line = "--" if name in baselines else "-"
        marker = MARKERS[number % len(MARKERS)]
        percents = [100 * fraction for fraction in fractions]
        axes.plot(percents, mean, line + marker, color=color, lw=1.8, ms=6, label=plain(name))
        axes.fill_between(percents, mean - spread, mean + spread, color=color, alpha=0.15, lw=0)
    zero_shot = [name for name, by_ratio in summary.items() if ZERO_SHOT in by_ratio]
    for number, name in enumerate(zero_shot):
        color = COLORS[number % len(COLORS)]
        value, style = 100 * summary[name][ZERO_SHOT]["map"], (0, (1, 1 + number % 4))
        axes.axhline(value, color=color, ls=style, lw=1.2, label=plain(f"{name}, zero-shot"))
    axes.axhline(100 * constant, color=GREY, lw=1.0, label="constant predictor")
    ticks = sorted({100 * float(r) for row in summary.values() for r in row if r != ZERO_SHOT})
    if ticks:
        axes.set_xscale("log")
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    axes.set_xlabel("training images (%)")
    axes.set_ylabel("mAP (%, scikit-learn's)")
    axes.set_title(title, fontsize=12, pad=10)
    axes.grid(axis="y", color="#e5e7eb")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(bottom=0)
    axes.legend(
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        fontsize=9,
        handlelength=3.5,  # long enough to show dashes
    )
    return figure
