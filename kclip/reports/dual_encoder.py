"""The report of a training run of a dual encoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kclip.evaluation.remarks import training_remarks
from kclip.files import read_history
from kclip.reports.figures.curves import draw_curves
from kclip.reports.report import Report
from kclip.reports.retrieval import add_retrieval
from kclip.reports.zero_shot import add_zero_shot


def write_dual_encoder_report(
    directory: Path,
    about: Mapping[str, Any],
    results: Mapping[str, Any],
    images: Mapping[str, Path | bytes],
) -> None:
    """Writes `metrics.json`, the figures and `report.md`.

    Args:
        directory: the run folder, with `history.csv`.
        about: name -> value, shown as a table at the top.
        results: `retrieval` of `evaluate_retrieval`, and maybe `zero_shot` of `evaluate_zero_shot`.
        images: file name -> image, for the examples of `retrieval`.
    """
    report = Report(directory, "Dual encoder", about)
    report.metrics(results)
    report.heading("Training")
    history = read_history(directory / "history.csv")
    report.note(training_remarks(history))
    report.figure("curves.png", draw_curves(history), "Losses and recalls by epoch")
    add_retrieval(report, results["retrieval"], images)
    if "zero_shot" in results:
        add_zero_shot(report, results["zero_shot"])
    report.write()
