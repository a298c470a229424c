"""Where in an image a decoder looks for each class; imports no TensorFlow."""

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kclip.reports.figures.style import GREY, cut, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 6
IMAGE = 2.0  # inches
SIDE = 288  # pixels of an image's longer side
LEAST_SCALE = 2.0  # maps that are nearly even shall look so
OPACITY = 0.8


def draw_attention(
    image: np.ndarray,
    class_names: Sequence[str],
    attention: np.ndarray,
    scores: np.ndarray,
    unseen: Collection[str] = (),
    true_names: Collection[str] | None = None,
) -> "Figure":
    """Draws an image, and over it the attention of each class's query.

    All maps share one scale: how many times the attention that a spot would get if the query
    looked everywhere alike. They are means over the heads, enlarged smoothly.

    Args:
        image: uint8 (H', W', 3), the part of the image that the model sees.
        class_names: K names to show, one or more, the best first.
        attention: (heads, K, H, W) floats, each map's sum 1, such as
            `MultiLabelClassifier.attention_maps` gives for one image.
        scores: (K,) floats in [0, 1].
        unseen: the classes that training had no label of.
        true_names: the image's labels, where they are known.
    """
    from matplotlib.figure import Figure

    maps = relative_attention(attention)
    scale = max(LEAST_SCALE, float(maps.max()))
    columns = min(COLUMNS, len(class_names) + 1)
    rows = math.ceil((len(class_names) + 1) / columns)
    height, width = image.shape[:2]
    size = (IMAGE * columns + 0.9, (IMAGE * height / width + 0.55) * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    shown = _fitted(image)
    grid.flat[0].imshow(shown)
    grid.flat[0].set_title("image\n", fontsize=10)
    for axes, name, values, score in zip(grid.flat[1:], class_names, maps, scores, strict=False):
        _draw_map(axes, shown, values, scale)
        mark = "" if true_names is None else ("✓ " if name in true_names else "✗ ")
        kind = "unseen" if name in unseen else "seen"
        axes.set_title(f"{mark}{plain(cut(name, 20))}\n{kind}, {score:.2f}", fontsize=10)
    _draw_scale(figure, grid, scale)
    return figure


def relative_attention(attention: np.ndarray) -> np.ndarray:
    """Takes the mean over the heads, as multiples of what even attention would be.

    Args:
        attention: (heads, K, H, W) floats, each map's sum 1.

    Returns:
        (K, H, W) float32, each map's mean 1.

    Example:
        >>> relative_attention(np.array([[[[0.5, 0.5]]], [[[0.0, 1.0]]]])).tolist()
        [[[0.5, 1.5]]]
    """
    attention = np.asarray(attention, np.float32)
    return attention.mean(axis=0) * attention[0, 0].size


def _draw_map(axes: "Axes", image: Image.Image, values: np.ndarray, scale: float) -> None:
    axes.imshow(image.convert("L"), cmap="gray", vmin=0, vmax=255)
    enlarged = Image.fromarray(values.astype(np.float32)).resize(
        image.size, Image.Resampling.BICUBIC
    )
    heat = np.clip(np.asarray(enlarged), 0, scale)  # bicubic enlarging overshoots
    axes.imshow(heat, cmap=_heat_colors(), vmin=0, vmax=scale)


def _fitted(pixels: np.ndarray) -> Image.Image:
    image = Image.fromarray(pixels)
    factor = SIDE / max(image.size)
    return image.resize([round(side * factor) for side in image.size], Image.Resampling.BICUBIC)


def _heat_colors():
    """Colours that leave the image clear where there is no attention and cover it at the most."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    colors = colormaps["inferno"](np.linspace(0.25, 1, 256))  # without the black, which only dims
    colors[:, 3] = OPACITY * np.linspace(0, 1, 256) ** 0.7
    return ListedColormap(colors)


def _draw_scale(figure: "Figure", grid: np.ndarray, scale: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    mappable = ScalarMappable(Normalize(0, scale), _heat_colors())
    bar = figure.colorbar(mappable, ax=grid, shrink=0.8, pad=0.01, fraction=0.03)
    bar.ax.set_facecolor("#808080")  # the mean grey of an image
    bar.set_label("times even attention", fontsize=8, color=GREY)
    bar.ax.tick_params(labelsize=8)
