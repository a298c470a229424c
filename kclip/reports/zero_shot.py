"""The results folder of a zero-shot evaluation: metrics, pictures, tables and `report.md`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kclip.files import write_csv, write_metrics, write_text
from kclip.reports.figures.calibration import draw_coverage, draw_reliability
from kclip.reports.figures.charts import draw_confusion_matrix
from kclip.reports.figures.style import save_figure
from kclip.reports.report import (
    confusions_table,
    markdown_table,
    per_class_table,
    percent,
    zero_shot_table,
)

MAX_LISTED_CLASSES = 40  # beyond that the report shows the worst and best, per_class.csv shows all
COVERAGES = (1.0, 0.9, 0.75, 0.5, 0.25, 0.1)
METRICS = {"accuracy": "accuracy", "mean_per_class_accuracy": "mean accuracy per class"}
UNKNOWN = "unknown"


def write_zero_shot_report(
    directory: Path, about: Mapping[str, Any], results: Mapping[str, Any]
) -> None:
    """Writes `metrics.json`, `per_class.csv`, three pictures and `report.md`.

    Args:
        directory: the results folder.
        about: name -> value, shown as a table at the top.
        results: of `zero_shot.results.zero_shot_results`, and `templates`, `evaluated_on`,
            `metric` and `published` of the protocol.
    """
    write_metrics(directory / "metrics.json", results)
    rows = results["per_class"]
    write_csv(directory / "per_class.csv", list(rows[0]), (row.values() for row in rows))
    title = f"Zero-shot: {percent(results['accuracy'])} of {results['num_images']:,} images right"
    matrix = draw_confusion_matrix(results["confusion_matrix"], results["class_names"], title)
    save_figure(matrix, directory / "confusion_matrix.png")
    save_figure(draw_reliability(results["calibration"]), directory / "reliability.png")
    save_figure(draw_coverage(results["abstention"]), directory / "coverage.png")
    sections = ["# Zero-shot evaluation", markdown_table(("", ""), about.items())]
    sections += _classification_section(results)
    sections += _calibration_section(results["calibration"], results["abstention"])
    write_text(directory / "report.md", "\n\n".join(sections) + "\n")


def write_predictions(
    path: Path,
    file_names: Sequence[str],
    true_classes: Sequence[str],
    answers: Sequence[str | None],
    best: Sequence[Sequence[tuple[str, float]]],
) -> None:
    """Writes one row an image: file, true class, answer, and the likeliest classes.

    Args:
        path: the CSV.
        file_names: N names.
        true_classes: N names of classes.
        answers: N predicted classes, None where the classifier doesn't know, written as `unknown`.
        best: of `ZeroShotClassifier.top_k`: N rows of K classes with their probabilities.
    """
    numbers = range(1, len(best[0]) + 1)
    ranked = [name for n in numbers for name in (f"class_{n}", f"probability_{n}")]
    rows = (
        [name, true, answer or UNKNOWN]
        + [cell for label, value in row for cell in (label, f"{value:.4f}")]
        for name, true, answer, row in zip(file_names, true_classes, answers, best, strict=True)
    )
    write_csv(path, ["file", "true_class", "predicted_class", *ranked], rows)


def calibration_table(calibration: Mapping[str, Any]) -> str:
    """Returns calibration error and likelihood, before and after, as a Markdown table."""
    rows = []
    for when in ("before", "after"):
        error = percent(calibration["expected_calibration_error"][when])
        likelihood = f"{calibration['negative_log_likelihood'][when]:.3f}"
        temperature = 1.0 if when == "before" else calibration["temperature"]
        rows.append((f"{when} calibration", f"{temperature:.3f}", error, likelihood))
    if calibration["num_images"] == 0:
        rows = [("not calibrated", *rows[0][1:])]
    header = ("", "temperature", "expected calibration error", "negative log likelihood")
    return markdown_table(header, rows)


def published_table(results: Mapping[str, Any]) -> str:
    """Returns the protocol's figure beside others' as a Markdown table."""
    own = (f"**this run ({METRICS[results['metric']]})**", percent(results[results["metric"]]), "")
    rows = [
        (figure["model"], f"{figure['percent']} %", f"published: {figure['source']}")
        for figure in results["published"]
    ]
    return markdown_table(("model", METRICS[results["metric"]], ""), [own, *rows])


def _classification_section(results: Mapping[str, Any]) -> list[str]:
    templates = ", ".join(f"`{template}`" for template in results["templates"])
    sections = [
        "## Classification",
        f"{len(results['class_names']):,} classes, known to the model by their names alone, in "
        f"these prompts: {templates}. Measured on {results['evaluated_on']}.",
        zero_shot_table(results),
        f"Mean accuracy per class: {percent(results['mean_per_class_accuracy'])}",
    ]
    if results["published"]:
        sections.append(published_table(results))
    sections += ["![Confusion matrix](confusion_matrix.png)", *_classes(results)]
    return [*sections, "The commonest mistakes:", confusions_table(results)]


def _classes(results: Mapping[str, Any]) -> list[str]:
    rows = results["per_class"]
    if len(rows) <= MAX_LISTED_CLASSES:
        return [per_class_table(results)]
    order = sorted((row for row in rows if row["num_images"]), key=lambda row: row["f1"])
    worst, best = order[:10], order[:-11:-1]
    return [
        "The ten classes of the lowest F1, and the ten of the highest; `per_class.csv` has all:",
        per_class_table({"per_class": worst}),
        per_class_table({"per_class": best}),
    ]


def _calibration_section(
    calibration: Mapping[str, Any], abstention: Mapping[str, Any]
) -> list[str]:
    fitted = f"The temperature was fitted on {calibration['fitted_on']}, none of which is measured."
    sections = [
        "## Are the probabilities right?",
        fitted if calibration["num_images"] else "No temperature was fitted.",
        calibration_table(calibration),
        "![Reliability diagram](reliability.png)",
        "The expected calibration error is the mean gap between confidence and accuracy over "
        f"{calibration['num_bins']} bins of equal width.",
        "## Answering only when sure",
        "Below a threshold of the probability the answer is “I don't know”.",
    ]
    if abstention["threshold"] is not None:
        sections.append(_abstention_sentence(abstention))
    return [*sections, coverage_table(abstention), "![Accuracy against coverage](coverage.png)"]


def coverage_table(abstention: Mapping[str, Any]) -> str:
    """Returns thresholds, and the accuracy that they give, for some coverages as Markdown."""
    curve = abstention["curve"]
    coverages = np.array([row["coverage"] for row in curve])
    nearest = {int(np.abs(coverages - wanted).argmin()): None for wanted in COVERAGES}
    cells = [
        (percent(row["coverage"]), f"{row['threshold']:.3f}", percent(row["accuracy"]))
        for row in (curve[number] for number in nearest)
    ]
    return markdown_table(("answered", "threshold", "accuracy on the answered"), cells)


def _abstention_sentence(abstention: Mapping[str, Any]) -> str:
    share = percent(abstention["coverage"])
    if abstention["accuracy"] is None:
        return f"With the threshold {abstention['threshold']:.3f} no image is answered."
    return (
        f"With the threshold {abstention['threshold']:.3f}, {share} of the images are answered, "
        f"{percent(abstention['accuracy'])} of them right."
    )
