"""The report of fine-tuning a classifier."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kclip.console.command_line import command_line
from kclip.evaluation.remarks import training_remarks
from kclip.reading import read_history
from kclip.reports.figures.classifier_curves import draw_classifier_curves
from kclip.reports.report import Report
from kclip.reports.zero_shot import add_classification


def write_classifier_report(
    directory: Path, about: Mapping[str, Any], results: Mapping[str, Any]
) -> None:
    """Writes `metrics.json`, `curves.png`, `confusion_matrix.png` and `report.md`.

    Args:
        directory: the run folder, with `history.csv`.
        about: name -> value, shown as a table at the top.
        results: of `evaluate_classifier`, and `run`, the seconds and memory it took.
    """
    report = Report(directory, "Fine-tuned classifier", about)
    report.metrics(results)
    report.heading("Training")
    history = read_history(directory / "history.csv")
    report.note(training_remarks(history))
    report.figure("curves.png", draw_classifier_curves(history), "Loss and accuracy by epoch")
    report.heading("Validation")
    report.add(
        "The epoch that is kept was chosen on these images, so the figures are a little "
        f"too high; `{command_line('compare_classifiers')}` measures on others."
    )
    add_classification(report, results, "validation images")
    report.write()
