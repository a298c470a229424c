"""The results folder of a zero-shot evaluation: metrics, figures, tables and `report.md`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kclip.files import write_csv
from kclip.reports.figures.calibration import draw_coverage, draw_reliability
from kclip.reports.figures.confusion_matrix import draw_confusion_matrix
from kclip.reports.markdown import Markdown, code_list, interval, markdown_table, percent
from kclip.reports.report import Report
from kclip.reports.tables import classification_table, confusions_table, per_class_table

MAX_LISTED_CLASSES = 40  # beyond that the report shows the worst and best, per_class.csv shows all
COVERAGES = (1.0, 0.9, 0.75, 0.5, 0.25, 0.1)
METRICS = {"accuracy": "accuracy", "mean_per_class_accuracy": "mean accuracy per class"}
# Whose interval is a metric's: the mean accuracy per class is the macro recall.
INTERVALS = {"accuracy": "accuracy", "mean_per_class_accuracy": "macro_recall"}
AVERAGES = (
    "Macro averages are means over the classes that have images; the macro recall is the mean "
    "accuracy per class. A class that ties with the right one counts against the model. Intervals "
    "are Clopper and Pearson's for accuracies, for macro averages of bootstrap resamples of the "
    "images."
)
UNKNOWN = "unknown"


def write_zero_shot_report(
    directory: Path, about: Mapping[str, Any], results: Mapping[str, Any]
) -> None:
    """Writes `metrics.json`, `per_class.csv`, three figures and `report.md`.

    Args:
        directory: the results folder.
        about: name -> value, shown as a table at the top.
        results: of `zero_shot_results`, and `templates`, `evaluated_on`, `metric` and `published`
            of the protocol.
    """
    report = Report(directory, "Zero-shot evaluation", about)
    report.metrics(results)
    rows = results["per_class"]
    report.csv("per_class.csv", list(rows[0]), (row.values() for row in rows))
    report.heading("Classification")
    report.add(f"{_prompts(results)} Measured on {results['evaluated_on']}.")
    more = [published_table(results)] if results["published"] else []
    add_classification(report, results, "images", more)
    _add_calibration(report, results["calibration"])
    _add_abstention(report, results["abstention"])
    report.write()


def add_zero_shot(report: Report, results: Mapping[str, Any]) -> None:
    """Adds a section on the classes that a training run was asked to recognize.

    Args:
        report: the run's.
        results: of `evaluate_zero_shot`.
    """
    report.heading("Zero-shot classification")
    report.add(_prompts(results))
    add_classification(report, results, "images")


def add_classification(
    report: Report, results: Mapping[str, Any], images: str, more: Sequence[str] = ()
) -> None:
    """Adds accuracy, confusion matrix, each class and the commonest mistakes.

    Args:
        report: what they are added to.
        results: of `classification_metrics`, `num_images` and `remarks`.
        images: what the images are called in the title of the matrix.
        more: Markdown that follows the first table.
    """
    report.note(results["remarks"])
    report.add(classification_table(results), AVERAGES, *more)
    title = f"{percent(results['accuracy'])} of {results['num_images']:,} {images} right"
    matrix = draw_confusion_matrix(results["confusion_matrix"], results["class_names"], title)
    report.figure("confusion_matrix.png", matrix, "Confusion matrix")
    report.add(*_classes(results))
    if results["accuracy"] < 1:
        report.add("The commonest mistakes:", confusions_table(results))


def write_predictions(
    path: Path,
    file_names: Sequence[str],
    true_classes: Sequence[str],
    predicted: Sequence[str | None],
    best: Sequence[Sequence[tuple[str, float]]],
) -> None:
    """Writes one row an image: file, true class, predicted class, and the likeliest classes.

    Args:
        path: the CSV.
        file_names: N names.
        true_classes: N names of classes.
        predicted: N predicted classes; None where the classifier doesn't know, written as
            `unknown`.
        best: of `ZeroShotClassifier.top_k`: N rows of K classes with their probabilities.
    """
    numbers = range(1, len(best[0]) + 1)
    ranked = [name for n in numbers for name in (f"class_{n}", f"probability_{n}")]
    rows = (
        [name, true, found or UNKNOWN]
        + [cell for label, value in row for cell in (label, f"{value:.4f}")]
        for name, true, found, row in zip(file_names, true_classes, predicted, best, strict=True)
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
    """Returns the protocol's figure beside others' and a guess as a Markdown table."""
    metric = results["metric"]
    reach = interval(results["intervals"][INTERVALS[metric]])
    own = (Markdown(f"**this run ({METRICS[metric]})**"), f"{percent(results[metric])} {reach}", "")
    guess = ("a guess", percent(results["chance_accuracy"]), f"1 in {len(results['class_names'])}")
    rows = [
        (figure["model"], f"{figure['percent']} %", f"published: {figure['source']}")
        for figure in results["published"]
    ]
    return markdown_table(("model", METRICS[metric], ""), [own, guess, *rows])


def _prompts(results: Mapping[str, Any]) -> str:
    return (
        f"{len(results['class_names']):,} classes, known to the model by their names alone, in "
        f"these prompts: {code_list(results['templates'])}."
    )


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


def _add_calibration(report: Report, calibration: Mapping[str, Any]) -> None:
    fitted = f"The temperature was fitted on {calibration['fitted_on']}, none of which is measured."
    report.heading("Are the probabilities right?")
    report.add(
        fitted if calibration["num_images"] else "No temperature was fitted.",
        calibration_table(calibration),
    )
    report.figure("reliability.png", draw_reliability(calibration), "Reliability diagram")
    report.add(
        "The expected calibration error is the mean gap between confidence and accuracy over "
        f"{calibration['num_bins']} bins of equal width."
    )


def _add_abstention(report: Report, abstention: Mapping[str, Any]) -> None:
    report.heading("Answering only when sure")
    report.add("Below a threshold of the probability the answer is “I don't know”.")
    if abstention["threshold"] is not None:
        report.add(_abstention_sentence(abstention))
    if abstention.get("chosen") is not None:
        report.add(_promise(abstention["chosen"]))
    report.add(coverage_table(abstention))
    report.figure("coverage.png", draw_coverage(abstention), "Accuracy against coverage")


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
    answered = percent(abstention["coverage"])
    if abstention["accuracy"] is None:
        return f"With the threshold {abstention['threshold']:.3f} no image is answered."
    return (
        f"With the threshold {abstention['threshold']:.3f}, {answered} of the images are answered, "
        f"{percent(abstention['accuracy'])} of them right."
    )


def _promise(chosen: Mapping[str, Any]) -> str:
    return (
        f"It is the lowest threshold that promises an accuracy of {percent(chosen['wanted'])}: of "
        f"{chosen['num_images']:,} calibration images {chosen['num_answered']:,} reach it, "
        f"{chosen['num_right']:,} of which are right, so that with {chosen['confidence']:.0%} "
        f"confidence the accuracy on images of this kind is above {percent(chosen['bound'])} "
        "(Clopper and Pearson)."
    )
