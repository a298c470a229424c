"""Confusion matrices, of one classifier and of several side by side; imports no TensorFlow.

Figures are made without pyplot, so nothing global changes and no window can open.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.reports.figures.style import cut, plain, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_COUNTED_CLASSES = 25  # beyond that the counts in the cells could not be read
MAX_NAMED_CLASSES = 100  # beyond that neither could the names
# Side by side, matrices are smaller.
MAX_COUNTED_BESIDE, MAX_NAMED_BESIDE = 15, 40
EDGE = "#d1d5db"


def draw_confusion_matrix(
    matrix: Sequence[Sequence[int]], class_names: Sequence[str], title: str
) -> "Figure":
    """Draws a confusion matrix: colours are fractions of the true class, numbers are counts.

    Beyond 100 classes, whose names could not be read, the whole is drawn without names, and beside
    it the classes of the commonest mistakes.

    Args:
        matrix: (C, C) counts, a row for each true class.
        class_names: C names; long ones are cut.
        title: what stands above.
    """
    from matplotlib.figure import Figure

    counts = np.asarray(matrix)
    size = len(counts)
    if size > MAX_NAMED_CLASSES:
        return _draw_large(counts, class_names, title)
    side = min(max(0.5 * size, 2.6), 13.0)
    figure = Figure(figsize=(side + 3.0, side + 1.9), layout="constrained")
    axes = figure.add_subplot()
    image = _draw_cells(axes, counts, _fractions(counts), MAX_COUNTED_CLASSES)
    _name_axes(axes, class_names, side)
    axes.set_title(plain(wrapped(title, int(9 * (side + 2)))), fontsize=12, pad=12)
    _add_color_bar(figure, image, axes)
    return figure


def draw_confusion_matrices(
    methods: Sequence[Mapping[str, Any]], class_names: Sequence[str]
) -> "Figure":
    """Draws the confusion matrices of several methods side by side, in one scale of colours.

    Args:
        methods: `name`, `accuracy` in [0, 1] and `confusion_matrix`, (C, C) counts with a row
            for each true class.
        class_names: C names; long ones are cut.
    """
    from matplotlib.figure import Figure

    columns = min(len(methods), 3)
    rows = math.ceil(len(methods) / columns)
    side = min(max(0.42 * len(class_names), 2.8), 7.0)
    size = (columns * (side + 0.4) + 2.4, rows * (side + 0.9) + 1.2)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    images = []
    for axes, method in zip(grid.flat, methods, strict=False):
        counts = np.asarray(method["confusion_matrix"])
        images.append(_draw_cells(axes, counts, _fractions(counts), MAX_COUNTED_BESIDE))
        title = f"{method['name']}: {100 * method['accuracy']:.1f} %"
        axes.set_title(plain(wrapped(title, int(9 * side))), fontsize=11, pad=8)
    for axes in grid.flat[len(methods) :]:
        axes.set_visible(False)
    for number in range(columns):  # the lowest matrix of a column carries the names
        _name_below(grid[(len(methods) - 1 - number) // columns, number], class_names)
    figure.supylabel("true class", fontsize=11)
    _add_color_bar(figure, images[0], grid)
    return figure


def _draw_large(counts: np.ndarray, class_names: Sequence[str], title: str) -> "Figure":
    from matplotlib.figure import Figure

    side = 8.0
    figure = Figure(figsize=(2 * side + 4.5, side + 1.9), layout="constrained")
    whole, part = figure.subplots(1, 2)
    fractions = _fractions(counts)
    block = -(-len(counts) // MAX_NAMED_CLASSES)
    image = whole.imshow(100 * _pooled(fractions, block), cmap="Blues", vmin=0, vmax=100)
    whole.set_xticks([])
    whole.set_yticks([])
    whole.spines[:].set_color(EDGE)
    order = f"{len(counts):,} in their order; a cell is the darkest of {block} × {block}"
    whole.set_xlabel(f"predicted class ({order})", labelpad=8)
    whole.set_ylabel("true class", labelpad=8)
    whole.set_title(plain(wrapped(title, int(9 * side))), fontsize=12, pad=12)
    chosen = _most_mistaken(counts)
    rows = np.ix_(chosen, chosen)
    _draw_cells(part, counts[rows], fractions[rows], MAX_COUNTED_CLASSES)
    _name_axes(part, [class_names[n] for n in chosen], side)
    part.set_title(f"The {len(chosen)} classes of the commonest mistakes", fontsize=12, pad=12)
    _add_color_bar(figure, image, part)
    return figure


def _draw_cells(axes: "Axes", counts: np.ndarray, fractions: np.ndarray, max_counted: int) -> Any:
    """Draws the colours and, up to `max_counted` classes, the counts; returns the image."""
    image = axes.imshow(100 * fractions, cmap="Blues", vmin=0, vmax=100)
    axes.tick_params(length=0)
    axes.spines[:].set_color(EDGE)
    if len(counts) <= max_counted:
        font = 9 if counts.max() < 1000 else 7
        for (row, column), count in np.ndenumerate(counts):
            if count:
                color = "white" if fractions[row, column] > 0.55 else "black"
                style = {"ha": "center", "va": "center", "color": color, "fontsize": font}
                axes.text(column, row, f"{count}", **style)
    return image


def _name_axes(axes: "Axes", class_names: Sequence[str], side: float) -> None:
    """Names the classes of a matrix of `side` inches that stands alone."""
    size = len(class_names)
    names = [plain(cut(name, 30)) for name in class_names]
    font = 10 if size <= MAX_COUNTED_CLASSES else max(5.0, 10 - 0.05 * size)
    axes.set_xticks(range(size), names, fontsize=font, **_turn(names, side / size))
    axes.set_yticks(range(size), names, fontsize=font)
    axes.set_xlabel("predicted class", labelpad=8)
    axes.set_ylabel("true class", labelpad=8)


def _name_below(axes: "Axes", class_names: Sequence[str]) -> None:
    """Names the classes of a matrix among others, if there are not too many."""
    axes.set_xlabel("predicted class", fontsize=11, labelpad=8)
    size = len(class_names)
    if size > MAX_NAMED_BESIDE:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    names = [plain(cut(name, 24)) for name in class_names]
    font = 9 if size <= MAX_COUNTED_BESIDE else 6
    axes.set_xticks(range(size), names, fontsize=font, rotation=90)
    axes.set_yticks(range(size), names, fontsize=font)
    axes.tick_params(labelbottom=True)


def _turn(names: Sequence[str], cell: float) -> dict[str, Any]:
    """How labels under cells of `cell` inches are turned so that they don't touch."""
    if max(map(len, names)) < 11 * cell:
        return {}
    if cell < 0.4:
        return {"rotation": 90}
    return {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}


def _add_color_bar(figure: "Figure", image: Any, axes: Any) -> None:
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=30, pad=0.02)
    bar.set_label("% of the true class")
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue] (matplotlib's own stub)


def _fractions(counts: np.ndarray) -> np.ndarray:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _pooled(fractions: np.ndarray, block: int) -> np.ndarray:
    """The largest fraction of each block of cells: one class in a thousand is below a pixel."""
    padded = np.pad(fractions, (0, -len(fractions) % block))
    blocks = len(padded) // block
    return padded.reshape(blocks, block, blocks, block).max(axis=(1, 3))


def _most_mistaken(counts: np.ndarray) -> list[int]:
    """The classes of the largest counts off the diagonal, in their order."""
    mistakes = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    pairs = np.stack(np.unravel_index(np.argsort(-mistakes, axis=None), counts.shape), axis=1)
    chosen = list(dict.fromkeys(pairs[: 2 * MAX_COUNTED_CLASSES].ravel().tolist()))
    return sorted(chosen[:MAX_COUNTED_CLASSES])
