"""The results folder of a choice of templates."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kclip.console.command_line import command_line
from kclip.reports.markdown import code, interval, markdown_table, percent
from kclip.reports.report import Report

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
    report = Report(directory, "Choice of a prompt template", about)
    metrics = {"best": rows[best]["template"], "split": about["split"], "templates": list(rows)}
    report.metrics(metrics)
    report.add(
        template_table(rows, best),
        "In brackets, the 95 % interval by bootstrap resamples of the images. The arrow marks the "
        "choice, by the first column. It has been made on this split and its labels, those of "
        "unseen classes too, which are used up by it: the figure of the best template is "
        f"too high here. Measure it with `{command_line('evaluate_multilabel')}` on images that "
        "had no part in the choice.",
    )
    report.write()


def template_table(rows: Sequence[Mapping[str, Any]], best: int) -> str:
    """Returns scikit-learn's mAP of each template as Markdown, in percent."""
    names = [name for name in COLUMNS if name in rows[0]["results"]]
    cells = [
        ["→" if number == best else "", _shown(row["template"], len(rows))]
        + [_map(row["results"][name]) for name in names]
        for number, row in enumerate(rows)
    ]
    chance = [percent(rows[0]["results"][name]["random"]["map"]) for name in names]
    cells.append(["", "random ranking", *chance])
    return markdown_table(("", "template", *(COLUMNS[name] for name in names)), cells)


def _map(section: Mapping[str, Any]) -> str:
    return f"{percent(section['map'])} {interval(section['map_interval'])}"


def _shown(template: str | None, num_rows: int) -> str:
    return code(template) if template else f"all {num_rows - 1} together"
