"""The report of CLIP-Decoder's ablation: Tables 1 and 2 of the paper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kclip.evaluation.ablation import BASELINES, ROWS, SETTINGS
from kclip.reports.figures.ablation import draw_ablation
from kclip.reports.markdown import markdown_table
from kclip.reports.report import Report


def write_ablation(
    directory: Path,
    about: Mapping[str, Any],
    summaries: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> None:
    """Writes `metrics.json`, `ablation.png` and `report.md`, and prints the tables.

    Args:
        directory: the folder of all runs.
        about: name -> value, shown as a table at the top.
        summaries: a key of `SETTINGS` -> row -> its summary; `random` and `cosine` are baselines.
    """
    report = Report(directory, "CLIP-Decoder's ablation", about)
    report.metrics(summaries)
    report.add("mAP and F1 in percent; mean ± standard deviation over the seeds.")
    for setting, rows in summaries.items():
        title = _title(setting)
        tables = (loss_table(rows), method_table(rows))
        print(f"{title}\n{tables[1]}", flush=True)
        report.heading(f"{title.capitalize()}: {SETTINGS[setting]}")
        report.add(*tables)
    panels = {
        _title(setting): {title: rows[row] for row, title in _titles().items() if row in rows}
        for setting, rows in summaries.items()
    }
    report.figure("ablation.png", draw_ablation(panels), "mAP of each row in both settings")
    print(f"the report is {report.write()}")


def loss_table(results: Mapping[str, Mapping[str, float]]) -> str:
    """The paper's Table 1: what is trained with, and what ZSL and GZSL gain from it.

    Args:
        results: a row's name -> its summary.

    Returns:
        A Markdown table; figures in percent.
    """
    header = ("", "queries", "L_c", "L_clip", "prompts", "mAP", "F1 k=3", "F1 k=5")
    rows = []
    for section in ("zsl", "gzsl"):
        for row, (title, *marks) in ROWS.items():
            if row in results:
                ticks = ["✓" if mark else "" for mark in marks]
                figures = _figures(results[row], section)
                rows.append((section.upper(), title.split(",")[0], *ticks, *figures))
    return markdown_table(header, rows)


def method_table(results: Mapping[str, Mapping[str, float]]) -> str:
    """The paper's Table 2: each method in GZSL and ZSL.

    Args:
        results: a row's name -> its summary.

    Returns:
        A Markdown table; figures in percent.
    """
    rows = [
        (title if task == "gzsl" else "", task.upper(), *_figures(results[row], task))
        for row, title in _titles().items()
        if row in results
        for task in ("gzsl", "zsl")
    ]
    return markdown_table(("Method", "Task", "mAP", "F1 k=3", "F1 k=5"), rows)


def _title(setting: str) -> str:
    return setting.replace("_", "-")


def _titles() -> dict[str, str]:
    return BASELINES | {row: f"CLIP-Decoder: {title}" for row, (title, *_) in ROWS.items()}


def _figures(summary: Mapping[str, float], section: str) -> list[str]:
    return [_percent(summary, f"{section}_{name}") for name in ("map", "f1@3", "f1@5")]


def _percent(summary: Mapping[str, float], name: str) -> str:
    if name not in summary:
        return ""
    spread = f" ± {100 * summary[f'{name}_std']:.1f}" if f"{name}_std" in summary else ""
    return f"{100 * summary[name]:.1f}{spread}"
