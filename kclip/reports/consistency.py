"""What a comparison of modes found, as Markdown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kclip.evaluation.consistency.modes import MODES
from kclip.reports.figures.differences import draw_differences
from kclip.reports.markdown import Markdown, escape, markdown_table
from kclip.reports.report import Report

_HEADER = ("mode", "largest difference", "limit", "equal decisions", "seconds", "")


def write_consistency_report(
    directory: Path, about: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]
) -> None:
    """Writes `metrics.json`, `differences.png` and `report.md`.

    Args:
        directory: where to write; made if missing.
        about: name -> value, shown as a table at the top.
        results: of `kclip.evaluation.consistency.comparison.compare_modes`.
    """
    report = Report(directory, "The same outputs from every mode", about)
    report.metrics(results)
    report.add(
        "Each mode embeds the same images and prompts. The class probabilities that follow, by the "
        "same float64 softmax for all, are compared with those of eager float32: the largest "
        "difference of any probability, and the fraction of images given the same class.",
        consistency_table(results),
    )
    figure = draw_differences(_measured(results))
    report.figure("differences.png", figure, "Largest difference of each mode")
    report.write()


def consistency_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns one row a mode as a Markdown table."""
    return markdown_table(_HEADER, [_row(name, result) for name, result in results.items()])


def _row(name: str, result: Mapping[str, Any]) -> tuple[str, ...]:
    title = MODES[name].title
    if "skipped" in result:
        return (title, "", "", "", "", f"skipped: {result['skipped']}")
    limit = f"{result['limit']:.0e}"
    if "error" in result:
        return (title, "", limit, "", "", Markdown(f"**failed**: {escape(result['error'])}"))
    return (
        title,
        f"{result['max_probability_difference']:.1e}",
        limit,
        f"{100 * result['equal_decisions']:.1f} %",
        f"{result['seconds']:.0f}",
        "passed" if result["passed"] else Markdown("**missed**"),
    )


def _measured(results: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    return {
        MODES[name].title: (result["max_probability_difference"], result["limit"])
        for name, result in results.items()
        if "max_probability_difference" in result
    }
