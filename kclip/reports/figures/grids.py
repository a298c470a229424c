"""Grids of images, such as a search found, with what is said of each; imports no TensorFlow."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

from kclip.data.images.opening import load_image
from kclip.reports.figures.style import DPI, GREEN, GREY, cut, plain, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Inches: an image, what a cell takes with its gap, the lines for score and file name.
IMAGE, CELL, SCORE_LINE, NAME_LINE, TITLE_LINE, MARGIN = 2.0, 2.12, 0.26, 0.24, 0.3, 0.12
ROW = SCORE_LINE + IMAGE + NAME_LINE


def draw_search_grid(
    query: str,
    hits: Sequence[Mapping[str, Any]],
    images: Mapping[Any, Path | bytes | Image.Image],
) -> "Figure":
    """Draws what a query found, best first, with scores, as a grid like the report's Figure 3.

    Args:
        query: the sentence.
        hits: `{"file_name", "score"}` each, best first; and perhaps `id`.
        images: id, or file name where there is none -> image.
    """
    columns = max(3, math.ceil(math.sqrt(len(hits))))
    rows = [hits[start : start + columns] for start in range(0, len(hits), columns)]
    title = wrapped(f"“{query}”", 10 * round(columns * CELL))
    return _draw_blocks([(title, rows)], images, min(columns, max(len(hits), 2)), centred=True)


def draw_search_rows(
    examples: Sequence[Mapping[str, Any]], images: Mapping[str, Path | bytes]
) -> "Figure":
    """Draws several queries, a row of hits for each; the image that was meant is framed.

    Args:
        examples: `{"query", "hits": [{"file_name", "score", "correct"}]}` each.
        images: file name -> image.
    """
    columns = max(3, *(len(example["hits"]) for example in examples))
    width = 11 * round(columns * CELL)
    blocks = [(f"“{cut(example['query'], width)}”", [example["hits"]]) for example in examples]
    return _draw_blocks(blocks, images, columns, centred=False)


def draw_image_rows(
    rows: Sequence[tuple[str, Sequence[Mapping[str, Any]]]],
    images: Mapping[Any, Path | bytes | Image.Image],
) -> "Figure":
    """Draws rows of images, each row under a title.

    Args:
        rows: title, and `{"id", "heading", "file_name"}` for each image: the heading stands above
            it, the file name below.
        images: id -> image.
    """
    columns = max(3, *(len(cells) for _, cells in rows))
    width = 11 * round(columns * CELL)
    blocks = [(cut(title, width), [cells]) for title, cells in rows]
    return _draw_blocks(blocks, images, columns, centred=False)


def _draw_blocks(
    blocks: Sequence[tuple[str, Sequence[Sequence[Mapping[str, Any]]]]],
    images: Mapping[Any, Path | bytes | Image.Image],
    columns: int,
    centred: bool,
) -> "Figure":
    """Draws blocks of a title and rows of hits, from the top, at fixed positions.

    Positions are computed, since matplotlib takes seconds to lay out twenty images by itself.
    """
    from matplotlib.figure import Figure

    heights = [_title_height(title) + len(rows) * ROW for title, rows in blocks]
    figure = Figure(figsize=(columns * CELL + MARGIN, sum(heights) + MARGIN))
    width, height = figure.get_size_inches()
    top = height
    for title, rows in blocks:
        x, side = (0.5, "center") if centred else (MARGIN / width, "left")
        top -= _title_height(title)
        y = (top + MARGIN / 2) / height
        figure.text(x, y, plain(title), ha=side, va="bottom", fontsize=13)
        rank = 1
        for hits in rows:
            top -= ROW
            for column, hit in enumerate(hits):
                corner = (MARGIN + column * CELL, top + NAME_LINE)
                _draw_hit(figure, rank, hit, images[hit.get("id", hit["file_name"])], corner)
                rank += 1
    return figure


def _title_height(title: str) -> float:
    return TITLE_LINE * (1.4 + title.count("\n"))


def _draw_hit(
    figure: "Figure",
    rank: int,
    hit: Mapping[str, Any],
    image: Path | bytes | Image.Image,
    corner: tuple[float, float],
) -> None:
    width, height = figure.get_size_inches()
    x, y = corner
    axes = figure.add_axes((x / width, y / height, IMAGE / width, IMAGE / height))
    # Squares keep the scores of a row on one line, whatever the images' shapes.
    side = round(IMAGE * DPI)
    square = ImageOps.pad(load_image(image), (side, side), Image.Resampling.BICUBIC, "white")
    axes.imshow(square, interpolation="nearest")
    axes.set(xticks=(), yticks=())
    axes.spines[:].set(visible=bool(hit.get("correct")), color=GREEN, linewidth=4)
    heading = hit["heading"] if "heading" in hit else f"{rank}.  {hit['score']:.3f}"
    axes.set_title(plain(cut(heading, 26)), fontsize=10, pad=4)
    name = cut(Path(hit["file_name"]).name, 26)
    axes.set_xlabel(plain(name), fontsize=7, color=GREY, labelpad=4)
