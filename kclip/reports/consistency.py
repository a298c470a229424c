"""What a comparison of modes found, as Markdown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kclip.evaluation.consistency.modes import MODES
from kclip.files import replaced_when_done, write_metrics
from kclip.reports.figures.differences import draw_differences
from kclip.reports.figures.style import save_figure
from kclip.reports.report import markdown_table

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
    write_metrics(directory / "metrics.json", results)
    save_figure(draw_differences(_measured(results)), directory / "differences.png")
    sections = [
        "# One answer from every mode",
        markdown_table(("", ""), about.items()),
        "Each mode embeds the same images and prompts. The class probabilities that follow, by the "
        "same float64 softmax for all, are compared with those of eager float32: the largest "
        "difference of any probability, and the share of images given the same class.",
        consistency_table(results),
        "![Largest difference of each mode](differences.png)",
    ]
    with replaced_when_done(directory / "report.md") as temporary:
        temporary.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def consistency_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns one row a mode as a Markdown table."""
    return markdown_table(_HEADER, [_row(name, result) for name, result in results.items()])


def _row(name: str, result: Mapping[str, Any]) -> tuple[str, ...]:
    title = MODES[name].title
    if "skipped" in result:
        return (title, "", "", "", "", f"skipped: {result['skipped']}")
    limit = f"{result['limit']:.0e}"
    if "error" in result:
        return (title, "", limit, "", "", f"**failed**: {result['error']}")
    return (
        title,
        f"{result['max_probability_difference']:.1e}",
        limit,
        f"{100 * result['equal_decisions']:.1f} %",
        f"{result['seconds']:.0f}",
        "passed" if result["passed"] else "**missed**",
    )


def _measured(results: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    return {
        MODES[name].title: (result["max_probability_difference"], result["limit"])
        for name, result in results.items()
        if "max_probability_difference" in result
    }
