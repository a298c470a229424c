"""Results of a comparison in, files out: `metrics.json`, figures and `report.md`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kclip.evaluation.comparison.published import PUBLISHED, TITLES, PublishedSet
from kclip.metrics.bootstrap import METRICS
from kclip.reports.figures.comparison import draw_accuracies, draw_few_shot
from kclip.reports.figures.confusion_matrix import draw_confusion_matrices
from kclip.reports.markdown import markdown_table
from kclip.reports.report import Report

DIFFERENCES = (
    "First less second, on the same resamples; an interval without 0 is a difference that other "
    "images of this kind would show too. McNemar's exact test looks at the images that one gets "
    "right and the other wrong."
)
PUBLISHED_TEXT = (
    "Table 2 of the Politecnico report, percent. **Published, on the report's own images**: not "
    "measured here, and only to be compared where the images are the same. Its Xception was "
    "probably trained without that network's preprocessing."
)
HEADER = ("", "accuracy", "precision", "recall", "F1")


def write_comparison(
    directory: Path,
    about: Mapping[str, Any],
    results: Mapping[str, Any],
    published: PublishedSet | None = None,
) -> None:
    """Writes `metrics.json`, the figures and `report.md`.

    Args:
        directory: where to write.
        about: name -> value, shown as a table at the top.
        results: of `compare`, and maybe `few_shot`, a list of the curves that
            `draw_few_shot` takes.
        published: which of the report's figures to show in a table of their own.
    """
    methods = results["methods"]
    report = Report(directory, "Comparison of classifiers", about)
    report.metrics(results)
    report.heading(f"{results['num_images']:,} images of {len(results['class_names'])} classes")
    report.note(results["remarks"])
    report.add(
        "Percent; precision, recall and F1 are means over the classes that have images; classes "
        "that tie with the right one count against a method. In brackets, the 95 % "
        f"interval of {results['num_resamples']:,} bootstrap resamples of the images.",
        methods_table(results),
    )
    accuracies = draw_accuracies(methods, methods[0]["chance_accuracy"])
    report.figure("accuracies.png", accuracies, "Accuracy and its interval")
    if results["differences"]:
        report.heading("Differences")
        report.add(DIFFERENCES, differences_table(results))
    report.heading("Confusion matrices")
    matrices = draw_confusion_matrices(methods, results["class_names"])
    report.figure("confusion_matrices.png", matrices, "Confusion matrices")
    if results.get("few_shot"):
        _add_few_shot(report, results["few_shot"], methods[0]["chance_accuracy"])
    if published:
        report.heading(f"Published: {TITLES[published]}")
        report.add(PUBLISHED_TEXT, published_table(published))
    report.write()


def methods_table(results: Mapping[str, Any]) -> str:
    """Returns each method's figures with their intervals as a Markdown table, in percent."""
    rows = [
        [row["name"], *(_with_interval(row[name], row["intervals"][name]) for name in METRICS)]
        for row in results["methods"]
    ]
    chance = f"{100 * results['methods'][0]['chance_accuracy']:.1f}"
    return markdown_table(HEADER, [*rows, ("a guess", chance, "", chance, "")])


def differences_table(results: Mapping[str, Any]) -> str:
    """Returns the differences of accuracy and F1 of each two methods, in points."""
    rows = [
        [
            f"{row['first']} − {row['second']}",
            *(_points(row["metrics"][name]) for name in ("accuracy", "macro_f1")),
            _p_value(row["mcnemar_p_value"]),
        ]
        for row in results["differences"]
    ]
    return markdown_table(("", "accuracy (points)", "F1 (points)", "McNemar p"), rows)


def few_shot_table(curves: Sequence[Mapping[str, Any]]) -> str:
    """Returns the accuracies of few-shot probes as a Markdown table, in percent."""
    counts = sorted({row["shots"] for curve in curves for row in curve["shots"]})
    rows = []
    for curve in curves:
        cells = {row["shots"]: _with_spread(row) for row in curve["shots"]}
        ends = _percent(curve["zero_shot"]), _percent(curve["all"])
        rows.append([curve["model"], ends[0], *map(cells.get, counts), ends[1]])
    return markdown_table(("", "zero-shot", *(f"{k}-shot" for k in counts), "all"), rows)


def published_table(published: PublishedSet) -> str:
    """Returns the report's own figures as a Markdown table, in percent."""
    rows = [
        [model, *("–" if value is None else f"{value:.2f}" for value in values)]
        for model, *values in PUBLISHED[published]
    ]
    return markdown_table(HEADER, rows)


def _add_few_shot(report: Report, curves: Sequence[Mapping[str, Any]], chance: float) -> None:
    samples = len(curves[0]["shots"][0]["accuracies"])
    report.heading("Few labelled images")
    report.add(
        "Linear probes on k images of each class, in percent: mean and standard deviation of "
        f"{samples} samples of the images. Zero-shot uses none, the last column all training "
        "images.",
        few_shot_table(curves),
    )
    figure = draw_few_shot(curves, chance)
    report.figure("few_shot.png", figure, "Accuracy against labelled images of each class")


def _with_interval(value: float, interval: Sequence[float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _with_spread(row: Mapping[str, Any]) -> str:
    return f"{100 * row['mean']:.1f} ± {100 * row['standard_deviation']:.1f}"


def _points(row: Mapping[str, Any]) -> str:
    low, high = row["interval"]
    return f"{100 * row['difference']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _p_value(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.1f}"
