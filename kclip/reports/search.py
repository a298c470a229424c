"""The results folder of a search: a grid of images for each query."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from kclip.console.lines import LOGGER, one_line
from kclip.data.collections.place import ImagePlace
from kclip.data.images.opening import ImageError, load_image
from kclip.reports.figures.grids import draw_search_grid
from kclip.reports.markdown import markdown_table
from kclip.reports.report import Report

_SHOWN = (576, 576)  # pixels, twice those of a grid's cell


def write_search_report(
    directory: Path,
    about: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    images: Mapping[Any, Path | bytes | Image.Image],
) -> None:
    """Writes `metrics.json`, a grid of images for each query, and `report.md`.

    Args:
        directory: where to write.
        about: name -> value, shown as a table at the top.
        results: `{"query", "hits": [{"file_name", "score"}]}` for each query; hits may have an
            `id`, too.
        images: id, or file name where there is none -> image.
    """
    report = Report(directory, "Search results", about)
    report.metrics({"queries": list(results)})
    for number, result in enumerate(results, 1):
        query, hits = result["query"], result["hits"]
        report.heading(f"“{query}”")
        name = f"search_{number:02d}_{_slug(query)}.png"
        report.figure(name, draw_search_grid(query, hits, images), "The images found")
        rows = [(n, f"{hit['score']:.3f}", hit["file_name"]) for n, hit in enumerate(hits, 1)]
        report.add(markdown_table(("rank", "score", "file"), rows))
    report.write()


def thumbnails(places: Mapping[int, ImagePlace]) -> dict[int, Image.Image]:
    """Loads images as small as reports show them; one that is gone becomes a grey square.

    Args:
        places: row of an index -> where the image lies.
    """
    return {row: _thumbnail(place) for row, place in places.items()}


def _thumbnail(place: ImagePlace) -> Image.Image:
    try:
        image = load_image(place.source)
    except ImageError as error:
        LOGGER.warning(f"can't be shown: {one_line(place.shown)}: {error.reason}")
        return Image.new("RGB", _SHOWN, "#e5e7eb")
    image.thumbnail(_SHOWN)
    return image


def _slug(query: str) -> str:
    return re.sub(r"\W+", "_", query.lower()).strip("_")[:40] or "query"
