"""What a report says of retrieval: recalls both ways, and captions with the images found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kclip.reports.figures.grids import draw_search_rows
from kclip.reports.figures.recalls import draw_recalls
from kclip.reports.report import Report
from kclip.reports.tables import retrieval_table


def write_retrieval_report(
    directory: Path,
    about: Mapping[str, Any],
    results: Mapping[str, Any],
    images: Mapping[str, Path | bytes],
) -> None:
    """Writes `metrics.json`, two figures and `report.md`.

    Args:
        directory: the results folder.
        about: name -> value, shown as a table at the top.
        results: of `evaluate_retrieval`.
        images: file name -> image, for the examples.
    """
    report = Report(directory, "Retrieval evaluation", about)
    report.metrics(results)
    add_retrieval(report, results, images)
    report.write()


def add_retrieval(
    report: Report, results: Mapping[str, Any], images: Mapping[str, Path | bytes]
) -> None:
    """Adds the section; arguments as above."""
    report.heading("Retrieval")
    report.note(results["remarks"])
    report.add(
        f"{results['num_images']:,} images and {results['num_captions']:,} captions. R@K is the "
        "fraction of queries with a right result among the first K; an image's rank is that of its "
        "best caption; ties count against the model.",
        retrieval_table(results),
    )
    report.figure("retrieval.png", draw_recalls(results), "Recalls in both directions")
    report.add(
        "Captions spread evenly over the set, and the images found for them. Each number is a "
        "cosine similarity; the green frame marks the image that the caption was written for.",
    )
    rows = draw_search_rows(results["examples"], images)
    report.figure("retrieval_examples.png", rows, "Captions and the images found")
