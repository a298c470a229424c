"""The results folder of the benchmark: `metrics.json`, MMM-CLIP's Tables 1 to 4, its figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kclip.evaluation.benchmark.cells import BASELINE_HEADS, LINEAR_PROBE
from kclip.evaluation.benchmark.measures import FIGURES, constant_predictor
from kclip.evaluation.benchmark.task import Task
from kclip.reports.figures.ratio_curve import ZERO_SHOT, draw_ratio_curve
from kclip.reports.markdown import markdown_table
from kclip.reports.report import Report

BASELINES = (*BASELINE_HEADS, LINEAR_PROBE)
CONSTANT = "constant predictor"
CONVENTIONAL, FEW_SHOT = 0.7, 0.2  # the least ratio of Table 2, and the greatest of Table 3
HOW_TO_READ = (
    "Percent; mean ± standard deviation over the seeds, whose training images differ. Each row "
    "sees the same test images. The first three columns are average precision by three "
    "conventions. The fourth is what MMM-CLIP's own code calls mAP, an area under three points of "
    "hard labels: it is no average precision and does not compare with one, and a constant "
    "predictor gets more than half of it. The constant predictor says yes to all. Labels are cut "
    "at one threshold a class, for the best F1 on the method's training images (for cosine ranking "
    "on all of them, for want of others), where a prompt method does not decide by itself."
)


@dataclass(frozen=True)
class TaskResults:
    """A data set and `cells.summarize_cells`'s summary of it."""

    task: Task
    summary: Mapping[str, Mapping[str, Mapping[str, Any]]]


def write_benchmark(
    directory: Path, about: Mapping[str, Any], results: Sequence[TaskResults]
) -> None:
    """Writes `metrics.json`, figures and `report.md`.

    Args:
        directory: the results folder. The first data set's figures are `metrics.json`, those of
            another `metrics_NAME.json`.
        about: name -> value, shown as a table at the top.
        results: one for each data set.
    """
    report = Report(directory, "Multi-label methods on frozen features", about)
    report.heading("Table 1: data")
    report.add(data_table([result.task for result in results]), HOW_TO_READ)
    for number, result in enumerate(results):
        _add_results(report, result, f"_{result.task.name}" if number else "")
    report.write()


def _add_results(report: Report, result: TaskResults, suffix: str) -> None:
    name, test = result.task.name, result.task.test
    report.metrics(result.summary, f"metrics{suffix}.json")
    report.heading(name, level=1)
    constant = constant_predictor(test.labels, test.valid_mask)
    title = f"{name}: mAP over the fraction of the training images"
    figure = draw_ratio_curve(result.summary, BASELINES, constant["map"], title)
    report.figure(f"map_over_ratio{suffix}.png", figure, title)
    for heading, table in paper_tables(result.summary, constant):
        report.heading(heading)
        report.add(table)


def data_table(tasks: Sequence[Task]) -> str:
    """Images, classes and labels an image of each data set, as Markdown."""
    rows = [
        (
            task.name,
            len(task.class_names),
            f"{len(task.train.labels):,}",
            f"{len(task.test.labels):,}",
            f"{task.test.labels.sum(axis=1).mean():.1f}",
        )
        for task in tasks
    ]
    return markdown_table(("data", "classes", "training images", "test", "labels an image"), rows)


def paper_tables(
    summary: Mapping[str, Mapping[str, Mapping[str, Any]]], constant: Mapping[str, float]
) -> list[tuple[str, str]]:
    """Tables 2 to 4: pairs of a heading and a Markdown table."""
    ratios = sorted({float(r) for row in summary.values() for r in row} - {0.0})
    parts = {
        "Table 2: conventional learning": [r for r in ratios if r >= CONVENTIONAL],
        "Table 3: few-shot learning": [r for r in ratios if r <= FEW_SHOT],
        "Table 4: zero-shot learning": [float(ZERO_SHOT)],
    }
    between = [r for r in ratios if FEW_SHOT < r < CONVENTIONAL]
    if between:
        parts["Between few-shot and conventional learning"] = between
    return [
        (heading, _table(summary, [str(ratio) for ratio in own], constant))
        for heading, own in parts.items()
        if own
    ]


def _table(
    summary: Mapping[str, Mapping[str, Mapping[str, Any]]],
    ratios: Sequence[str],
    constant: Mapping[str, float],
) -> str:
    rows = [
        [method, _shown(ratio), *(_cell(by_ratio[ratio], name) for name in FIGURES)]
        for ratio in ratios
        for method, by_ratio in summary.items()
        if ratio in by_ratio
    ]
    rows.append([CONSTANT, "", *(f"{100 * constant[name]:.1f}" for name in FIGURES)])
    return markdown_table(("method", "trained on", *FIGURES.values()), rows)


def _shown(ratio: str) -> str:
    return "none" if ratio == ZERO_SHOT else f"{100 * float(ratio):g} %"


def _cell(row: Mapping[str, Any], name: str) -> str:
    mean = f"{100 * row[name]:.1f}"
    return mean if row["seeds"] == 1 else f"{mean} ± {100 * row[f'{name}_std']:.1f}"
