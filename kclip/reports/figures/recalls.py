"""Recalls of retrieval in both directions, as bars; imports no TensorFlow."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.reports.figures.style import BLUE, ORANGE, finish_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_recalls(results: Mapping[str, Any]) -> "Figure":
    """Draws R@K of both directions as bars.

    Args:
        results: of `retrieval_results`: `text_to_image`, `image_to_text` and `chance`, each with
            `recall@K` in [0, 1]. What a random ranking gets is a black line across the bar.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    axes = figure.add_subplot()
    cutoffs = [name for name in results["text_to_image"] if name.startswith("recall@")]
    positions = np.arange(len(cutoffs))
    directions = [
        ("text_to_image", "text → image", BLUE),
        ("image_to_text", "image → text", ORANGE),
    ]
    for number, (direction, label, color) in enumerate(directions):
        heights = [100 * results[direction][name] for name in cutoffs]
        bars = axes.bar(positions + 0.4 * number - 0.2, heights, 0.38, color=color, label=label)
        axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=9)
        chance = [100 * results["chance"][direction][name] for name in cutoffs]
        left = positions + 0.4 * number - 0.39
        axes.hlines(
            chance, left, left + 0.38, color="black", lw=1.5, label="random" if number else ""
        )
    axes.set_xticks(positions, [name.replace("recall", "R") for name in cutoffs])
    axes.set_ylim(0, 108)
    axes.set_yticks(range(0, 101, 20))
    sizes = f"{results['num_images']:,} images, {results['num_captions']:,} captions"
    finish_axes(axes, f"Retrieval: {sizes}", "found within the first K (%)")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3)
    return figure
