"""Charts of a report: training curves, recalls, the confusion matrix; imports no TensorFlow.

Figures are made without pyplot, so nothing global changes and no window can open.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.reports.figures.style import BLUE, GREY, ORANGE, cut, plain, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_COUNTED_CLASSES = 25  # beyond that the counts in the cells could not be read
MAX_NAMED_CLASSES = 100  # beyond that neither could the names
RECALL_STYLES = {"1": ":", "5": "--"}  # by K; solid for all others


def draw_curves(history: Mapping[str, Sequence[float]]) -> "Figure":
    """Draws both losses over the epochs, and beside them the recalls on the validation set.

    Args:
        history: column -> one value an epoch, as read from `history.csv`: `loss`, `val_loss`, and
            the recalls of both directions (`..._to_..._recall@K`), fractions in [0, 1]; NaN where
            absent.
    """
    recalls = {name: values for name, values in history.items() if "_to_" in name}
    figure, axes = _subplots(1 + bool(recalls), width=6.0, height=4.0)
    losses = {"loss": "training", "val_loss": "validation"}
    for (column, label), color in zip(losses.items(), (BLUE, ORANGE), strict=True):
        if column in history:
            _draw_line(axes[0], history[column], label, color)
    validation = np.asarray(history.get("val_loss", ()), float)
    if np.isfinite(validation).any():
        best = int(np.nanargmin(validation))
        axes[0].plot(best + 1, validation[best], "o", ms=11, mfc="none", mec=GREY, label="lowest")
    _finish_curve(axes[0], "Contrastive loss", "loss")
    if recalls:
        for column, values in recalls.items():
            color = BLUE if "text_to_image" in column else ORANGE
            style = RECALL_STYLES.get(column.rpartition("@")[2], "-")
            percent = 100 * np.asarray(values, float)
            _draw_line(axes[1], percent, _recall_label(column), color, style)
        _finish_curve(axes[1], "Retrieval on the validation set", "recall (%)")
        axes[1].set_ylim(0, 100)
    return figure


def draw_recalls(results: Mapping[str, Any]) -> "Figure":
    """Draws R@K of both directions as bars.

    Args:
        results: `{"text_to_image": {"recall@1": ..., ...}, "image_to_text": {...}}`, fractions.
    """
    figure, (axes,) = _subplots(1, width=6.0, height=4.0)
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
    axes.set_xticks(positions, [name.replace("recall", "R") for name in cutoffs])
    axes.set_ylim(0, 108)
    axes.set_yticks(range(0, 101, 20))
    sizes = f"{results['num_images']:,} images, {results['num_captions']:,} captions"
    _finish_axes(axes, f"Retrieval: {sizes}", "found within the first K (%)")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2)
    return figure


def draw_confusion_matrix(
    matrix: Sequence[Sequence[int]], class_names: Sequence[str], title: str
) -> "Figure":
    """Draws a confusion matrix: colours are shares of the true class, numbers are counts.

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
        return _draw_large_confusion_matrix(counts, class_names, title)
    side = min(max(0.5 * size, 2.6), 13.0)
    figure = Figure(figsize=(side + 3.0, side + 1.9), layout="constrained")
    axes = figure.add_subplot()
    image = _draw_matrix(axes, counts, _shares(counts), class_names, side)
    axes.set_title(plain(wrapped(title, int(9 * (side + 2)))), fontsize=12, pad=12)
    _add_color_bar(figure, image, axes)
    return figure


def _draw_large_confusion_matrix(
    counts: np.ndarray, class_names: Sequence[str], title: str
) -> "Figure":
    from matplotlib.figure import Figure

    side = 8.0
    figure = Figure(figsize=(2 * side + 4.5, side + 1.9), layout="constrained")
    whole, part = figure.subplots(1, 2)
    shares = _shares(counts)
    block = -(-len(counts) // MAX_NAMED_CLASSES)
    image = whole.imshow(100 * _pooled(shares, block), cmap="Blues", vmin=0, vmax=100)
    whole.set_xticks([])
    whole.set_yticks([])
    whole.spines[:].set_color("#d1d5db")
    order = f"{len(counts):,} in their order; a cell is the darkest of {block} × {block}"
    whole.set_xlabel(f"predicted class ({order})", labelpad=8)
    whole.set_ylabel("true class", labelpad=8)
    whole.set_title(plain(wrapped(title, int(9 * side))), fontsize=12, pad=12)
    chosen = _most_mistaken(counts)
    rows = np.ix_(chosen, chosen)
    _draw_matrix(part, counts[rows], shares[rows], [class_names[n] for n in chosen], side)
    part.set_title(f"The {len(chosen)} classes of the commonest mistakes", fontsize=12, pad=12)
    _add_color_bar(figure, image, part)
    return figure


def _draw_matrix(
    axes: "Axes", counts: np.ndarray, shares: np.ndarray, class_names: Sequence[str], side: float
) -> Any:
    """Draws a matrix of `side` inches with the names of its classes; returns the image."""
    size = len(counts)
    image = axes.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    names = [plain(cut(name, 30)) for name in class_names]
    font = 10 if size <= MAX_COUNTED_CLASSES else max(5.0, 10 - 0.05 * size)
    axes.set_xticks(range(size), names, fontsize=font, **_turn(names, side / size))
    axes.set_yticks(range(size), names, fontsize=font)
    axes.tick_params(length=0)
    axes.spines[:].set_color("#d1d5db")
    if size <= MAX_COUNTED_CLASSES:
        _write_counts(axes, counts, shares)
    axes.set_xlabel("predicted class", labelpad=8)
    axes.set_ylabel("true class", labelpad=8)
    return image


def _add_color_bar(figure: "Figure", image: Any, axes: "Axes") -> None:
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=30, pad=0.02)
    bar.set_label("% of the true class")
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue] (matplotlib's own stub)


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _pooled(shares: np.ndarray, block: int) -> np.ndarray:
    """The largest share of each block of cells: one class in a thousand is less than a pixel."""
    padded = np.pad(shares, (0, -len(shares) % block))
    blocks = len(padded) // block
    return padded.reshape(blocks, block, blocks, block).max(axis=(1, 3))


def _most_mistaken(counts: np.ndarray) -> list[int]:
    """The classes of the largest counts off the diagonal, in their order."""
    mistakes = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    pairs = np.stack(np.unravel_index(np.argsort(-mistakes, axis=None), counts.shape), axis=1)
    chosen = list(dict.fromkeys(pairs[: 2 * MAX_COUNTED_CLASSES].ravel().tolist()))
    return sorted(chosen[:MAX_COUNTED_CLASSES])


def _subplots(count: int, width: float, height: float) -> "tuple[Figure, list[Axes]]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, height), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False).flat)


def _draw_line(
    axes: "Axes", values: Sequence[float] | np.ndarray, label: str, color: str, style: str = "-"
) -> None:
    epochs = np.arange(1, len(values) + 1)
    axes.plot(epochs, values, style, marker="o", ms=4, lw=1.8, color=color, label=label)


def _finish_curve(axes: "Axes", title: str, unit: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    epochs = max((np.size(line.get_xdata()) for line in axes.lines), default=1)
    axes.set_xlim(1 - 0.03 * epochs, epochs + 0.03 * epochs)
    axes.set_xlabel("epoch")
    _finish_axes(axes, title, unit)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)


def _finish_axes(axes: "Axes", title: str, unit: str) -> None:
    axes.set_title(title, fontsize=12, pad=10)
    axes.set_ylabel(unit)
    axes.grid(axis="y", color="#e5e7eb")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _write_counts(axes: "Axes", counts: np.ndarray, shares: np.ndarray) -> None:
    font = 9 if counts.max() < 1000 else 7
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, f"{count}", ha="center", va="center", color=color, fontsize=font)


def _turn(names: Sequence[str], cell: float) -> dict[str, Any]:
    """How labels under cells of `cell` inches are turned so that they don't touch."""
    if max(map(len, names)) < 11 * cell:
        return {}
    if cell < 0.4:
        return {"rotation": 90}
    return {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}


def _recall_label(column: str) -> str:
    """`val_text_to_image_recall@10` -> `text → image R@10`."""
    name = column.removeprefix("val_").replace("_to_", " → ").replace("recall@", "R@")
    return name.replace("_", " ")
