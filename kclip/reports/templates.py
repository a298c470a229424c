"""The results folder of a choice of templates."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kclip.files import write_metrics, write_text
from kclip.reports.report import markdown_table, percent

COLUMNS = {"zsl": "ZSL mAP", "gzsl": "GZSL mAP", "all": "mAP"}


def write_template_report(
    directory: Path, about: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], best: int
) -> None:
    """Writes `metrics.json` and `report.md`.

    Args:
        directory: the results folder.
        about: name -> value, shown as a table at the top; `split` among them.
        rows: of `measure_templates`.
        best: the chosen row.
    """
    metrics = {"best": rows[best]["template"], "split": about["split"], "templates": list(rows)}
    write_metrics(directory / "metrics.json", metrics)
    sections = [
        "# Choice of a prompt template",
        markdown_table(("", ""), about.items()),
        template_table(rows, best),
        "The arrow marks the choice, by the first column. It has been made on this split and its "
        "labels, those of unseen classes too, which are used up by it: the figure of the best "
        "template is flattering here. Measure it with evaluate_multilabel on images that had no "
        "part in the choice.",
    ]
    write_text(directory / "report.md", "\n\n".join(sections) + "\n")


def template_table(rows: Sequence[Mapping[str, Any]], best: int) -> str:
    """Returns mAP of each template, scikit-learn's, as Markdown, in percent."""
    names = [name for name in COLUMNS if name in rows[0]["results"]]
    cells = [
        ["→" if number == best else "", _shown(row["template"], len(rows))]
        + [percent(row["results"][name]["map"]) for name in names]
        for number, row in enumerate(rows)
    ]
    return markdown_table(("", "template", *(COLUMNS[name] for name in names)), cells)


def _shown(template: str | None, num_rows: int) -> str:
    return f"`{template}`" if template else f"all {num_rows - 1} together"
