"""The results folder of a search: a grid of images for each query."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kclip.reports.figures.grids import draw_search_grid
from kclip.reports.markdown import markdown_table
from kclip.reports.report import Report


def write_search_report(
    directory: Path,
    about: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    images: Mapping[str, Path | bytes],
) -> None:
    """Writes `metrics.json`, a grid of images for each query, and `report.md`.

    Args:
        directory: where to write.
        about: name -> value, shown as a table at the top.
        results: `{"query", "hits": [{"file_name", "score"}]}` for each query.
        images: file name -> image.
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


def _slug(query: str) -> str:
    return re.sub(r"\W+", "_", query.lower()).strip("_")[:40] or "query"
