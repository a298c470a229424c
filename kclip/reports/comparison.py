"""Results of a comparison in, files out: `metrics.json`, pictures and `report.md`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kclip.evaluation.comparison.published import PUBLISHED, TITLES, PublishedSet
from kclip.files import write_metrics, write_text
from kclip.metrics.bootstrap import METRICS
from kclip.reports.figures.comparison import draw_accuracies, draw_confusion_matrices, draw_few_shot
from kclip.reports.figures.style import save_figure
from kclip.reports.report import markdown_table

HEADER = ("", "accuracy", "precision", "recall", "F1")


def write_comparison(
    directory: Path,
    about: Mapping[str, Any],
    results: Mapping[str, Any],
    published: PublishedSet | None = None,
) -> None:
    """Writes `metrics.json`, the pictures and `report.md`.

    Args:
        directory: where to write.
        about: name -> value, shown as a table at the top.
        results: of `comparison.results.compare`, and maybe `few_shot`, a list of the curves that
            `pictures.comparison.draw_few_shot` takes.
        published: which of the report's figures to show in a table of their own.
    """
    methods = results["methods"]
    matrices = draw_confusion_matrices(methods, results["class_names"])
    save_figure(matrices, directory / "confusion_matrices.png")
    save_figure(draw_accuracies(methods), directory / "accuracies.png")
    sections = ["# Comparison of classifiers", markdown_table(("", ""), about.items())]
    sections += _accuracy_section(results)
    if results["differences"]:
        sections += _difference_section(results)
    sections += ["## Confusion matrices", "![Confusion matrices](confusion_matrices.png)"]
    if results.get("few_shot"):
        save_figure(draw_few_shot(results["few_shot"]), directory / "few_shot.png")
        sections += _few_shot_section(results["few_shot"])
    if published:
        sections += _published_section(published)
    write_metrics(directory / "metrics.json", results)
    write_text(directory / "report.md", "\n\n".join(sections) + "\n")


def methods_table(results: Mapping[str, Any]) -> str:
    """Returns each contender's figures with their intervals as a Markdown table, in percent."""
    rows = [
        [row["name"], *(_with_interval(row[name], row["intervals"][name]) for name in METRICS)]
        for row in results["methods"]
    ]
    return markdown_table(HEADER, rows)


def differences_table(results: Mapping[str, Any]) -> str:
    """Returns the differences of accuracy and F1 of each two contenders, in points."""
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
        cells = {row["shots"]: _with_deviation(row) for row in curve["shots"]}
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


def _accuracy_section(results: Mapping[str, Any]) -> list[str]:
    return [
        f"## {results['num_images']:,} images of {len(results['class_names'])} classes",
        "Percent; precision, recall and F1 are means over the classes. In brackets, the 95 % "
        f"interval of {results['num_resamples']:,} bootstrap resamples of the images.",
        methods_table(results),
        "![Accuracy and its interval](accuracies.png)",
    ]


def _difference_section(results: Mapping[str, Any]) -> list[str]:
    return [
        "## Differences",
        "First less second, on the same resamples; an interval without 0 is a difference that "
        "other images of this kind would show too. McNemar's exact test looks at the images that "
        "one gets right and the other wrong.",
        differences_table(results),
    ]


def _few_shot_section(curves: Sequence[Mapping[str, Any]]) -> list[str]:
    draws = len(curves[0]["shots"][0]["accuracies"])
    return [
        "## Few labelled images",
        f"Linear probes on k images of each class, in percent: mean and deviation of {draws} draws "
        "of the images. Zero-shot uses none, the last column all training images.",
        few_shot_table(curves),
        "![Accuracy against labelled images a class](few_shot.png)",
    ]


def _published_section(published: PublishedSet) -> list[str]:
    return [
        f"## Published: {TITLES[published]}",
        "Table 2 of the Politecnico report, percent. **Published, on the report's own images**: "
        "not measured here, and only to be compared where the images are the same. Its Xception "
        "was probably trained without that network's preprocessing.",
        published_table(published),
    ]


def _with_interval(value: float, interval: Sequence[float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _with_deviation(row: Mapping[str, Any]) -> str:
    return f"{100 * row['mean']:.1f} ± {100 * row['deviation']:.1f}"


def _points(row: Mapping[str, Any]) -> str:
    low, high = row["interval"]
    return f"{100 * row['difference']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _p_value(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"
