"""Images with the labels that a model gives them; imports no TensorFlow."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from kclip.data.images.opening import load_image
from kclip.reports.figures.style import BLUE, DPI, GREEN, GREY, ORANGE, cut, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4
MAX_MISSED = 3
# Inches: an image, a cell with its gap, a line with a label, and what else stands in a cell.
IMAGE, CELL, LINE, GAP, LEGEND = 2.4, 2.7, 0.25, 0.06, 0.3


@dataclass(frozen=True)
class _Kind:
    """How one kind of label looks: told apart by its mark, so not by colour alone."""

    mark: str
    meaning: str
    color: str


_TRUE = _Kind("✓", "right", GREEN)
_FALSE = _Kind("✗", "not among the image's labels", ORANGE)
_MISSED = _Kind("○", "missed, with its rank", GREY)
_IGNORED = _Kind("–", "neither right nor wrong", BLUE)
_UNKNOWN = _Kind("", "", BLUE)


@dataclass(frozen=True)
class _Line:
    name: str
    rank: int
    score: float
    kind: _Kind
    unseen: bool
    named: bool

    @property
    def shown(self) -> str:
        star = "*" if self.unseen else ""
        rank = f", rank {self.rank}" if self.kind is _MISSED else ""
        return cut(self.name, 26 - len(star + rank)) + star + rank


def draw_labels(
    images: Sequence[Path | bytes],
    class_names: Sequence[str],
    scores: np.ndarray,
    labels: np.ndarray | None = None,
    unseen: Collection[str] = (),
    top_k: int = 5,
    valid_mask: np.ndarray | None = None,
    named: np.ndarray | None = None,
) -> "Figure":
    """Draws images, and under each its best labels and up to three that are missed.

    This is the CLIP-Decoder's Figure 3 with what is right, wrong and missed told apart.

    Args:
        images: N images, one or more.
        class_names: C names.
        scores: (N, C) floats in [0, 1].
        labels: (N, C) of 0 and 1; without them nothing is said to be right or wrong.
        unseen: the classes that training had no label of; their names have a star.
        top_k: how many labels to show of each image.
        valid_mask: (N, C) bool, False where a label is ignored; by default all count.
        named: (N, C) bool, True where thresholds give the label, which is then in bold.
    """
    from matplotlib.figure import Figure

    kinds = _kinds(np.shape(scores), labels, valid_mask)
    given = np.zeros(np.shape(scores), bool) if named is None else named
    cells = [
        _lines(list(class_names), *of_image, set(unseen), top_k)
        for of_image in zip(scores, kinds, given, strict=True)
    ]
    columns = min(COLUMNS, len(cells))
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    heights = [IMAGE + GAP + LINE * (max(map(len, row)) + 1) for row in rows]
    figure = Figure(figsize=(max(columns, 2) * CELL, sum(heights) + LEGEND))
    top = sum(heights) + LEGEND
    for number, (image, lines) in enumerate(zip(images, cells, strict=True)):
        row, column = divmod(number, columns)
        corner = (column * CELL + (CELL - IMAGE) / 2, top - sum(heights[:row]) - IMAGE)
        _draw_image(_axes(figure, corner, IMAGE), image)
        below = (corner[0], corner[1] - GAP - LINE * len(lines))
        _draw_lines(_axes(figure, below, LINE * len(lines)), lines)
    _draw_legend(figure, [line for lines in cells for line in lines])
    return figure


def _kinds(
    shape: tuple[int, ...], labels: np.ndarray | None, valid_mask: np.ndarray | None
) -> np.ndarray:
    """(N, C), what each label is where it is among the best."""
    kinds = np.full(shape, _UNKNOWN, object)
    if labels is not None:
        kinds[:] = _FALSE
        kinds[np.asarray(labels, bool)] = _TRUE
    if valid_mask is not None:
        kinds[~valid_mask] = _IGNORED
    return kinds


def _lines(
    class_names: list[str],
    scores: np.ndarray,
    kinds: np.ndarray,
    named: np.ndarray,
    unseen: set[str],
    top_k: int,
) -> list[_Line]:
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    lines = []
    for rank, column in enumerate(order, 1):
        name, kind = class_names[column], kinds[column]
        if rank > top_k:
            if kind is not _TRUE or len(lines) == top_k + MAX_MISSED:
                continue
            kind = _MISSED
        given = bool(named[column])
        lines.append(_Line(name, rank, float(scores[column]), kind, name in unseen, given))
    return lines


def _axes(figure: "Figure", corner: tuple[float, float], height: float) -> "Axes":
    width, total = figure.get_size_inches()
    x, y = corner
    axes = figure.add_axes((x / width, y / total, IMAGE / width, height / total))
    axes.set_axis_off()
    return axes


def _draw_image(axes: "Axes", image: Path | bytes) -> None:
    side = round(IMAGE * DPI)
    square = ImageOps.pad(load_image(image), (side, side), Image.Resampling.BICUBIC, "white")
    axes.imshow(square, interpolation="nearest")


def _draw_lines(axes: "Axes", lines: Sequence[_Line]) -> None:
    for row, line in enumerate(lines):
        color, style = line.kind.color, "italic" if line.unseen else "normal"
        axes.barh(row + 0.38, 1, 0.16, color="#e5e7eb")
        axes.barh(row + 0.38, line.score, 0.16, color=color)
        axes.text(0, row, line.kind.mark, va="center", fontsize=11, color=color, weight="bold")
        left = 0.09 if line.kind.mark else 0
        weight = "bold" if line.named else "normal"
        text = plain(line.shown)
        axes.text(left, row, text, va="center", fontsize=9, style=style, weight=weight)
        axes.text(1, row, f"{line.score:.2f}", va="center", ha="right", fontsize=9)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(lines) - 0.5, -0.5)


def _draw_legend(figure: "Figure", lines: Sequence[_Line]) -> None:
    marked = (_TRUE, _FALSE, _MISSED, _IGNORED)
    used = [kind for kind in marked if any(line.kind is kind for line in lines)]
    parts = [f"{kind.mark} {kind.meaning}" for kind in used]
    if any(line.unseen for line in lines):
        parts.append("* class without training labels")
    if any(line.named for line in lines):
        parts.append("bold: above its threshold")
    figure.text(0.5, 0, "     ".join(parts), ha="center", va="bottom", fontsize=8, color=GREY)
