"""A figure of an ablation: each row's mAP, ZSL and GZSL, with its spread over seeds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kclip.reports.figures.style import BLUE, ORANGE, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Told apart without colour too.
SERIES = {"zsl": ("ZSL (unseen classes)", ORANGE, "D"), "gzsl": ("GZSL (all classes)", BLUE, "o")}


def draw_ablation(panels: Mapping[str, Mapping[str, Mapping[str, float]]]) -> "Figure":
    """Draws a panel a setting, a line a row: dots at the mean, bars of one standard deviation.

    Args:
        panels: a setting's title -> a row's title -> `zsl_map` and `gzsl_map` in [0, 1], with
            `zsl_map_std` and `gzsl_map_std` where there are several runs.
    """
    from matplotlib.figure import Figure

    longest = max(map(len, panels.values()))
    figure = Figure(figsize=(4.8 * len(panels), 1.3 + 0.42 * longest), layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False, sharex=True)[0]
    for axes, (title, rows) in zip(grid, panels.items(), strict=True):
        _draw_panel(axes, title, rows)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _draw_panel(axes: "Axes", title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    for section, (label, color, marker) in SERIES.items():
        for position, summary in enumerate(rows.values()):
            value = 100 * summary[f"{section}_map"]
            axes.errorbar(
                value,
                position,
                xerr=100 * summary.get(f"{section}_map_std", 0.0),
                color=color,
                marker=marker,
                capsize=3,
                linestyle="none",
                label=None if position else label,
            )
            # Above its dot and below it, so that two that are close can both be read.
            above = section == "zsl"
            offset, side = ((0, 5), "bottom") if above else ((0, -6), "top")
            axes.annotate(
                f"{value:.1f}", (value, position), xytext=offset, textcoords="offset points",
                ha="center", va=side, color=color, fontsize=8,
            )  # fmt: skip
    axes.set_yticks(range(len(rows)), [plain(name) for name in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.margins(x=0.1)
    axes.set_title(plain(title))
    axes.set_xlabel("mAP (%)")
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
