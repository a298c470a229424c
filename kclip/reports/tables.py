"""Tables of retrieval and classification, as Markdown."""

from collections.abc import Mapping
from typing import Any

from kclip.metrics.classification import most_confused
from kclip.reports.markdown import interval, markdown_table, percent

FIGURES = {
    "accuracy": "accuracy",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "macro_f1": "macro F1",
    "top_5_accuracy": "top-5 accuracy",
}
DIRECTIONS = {"text_to_image": "text → image", "image_to_text": "image → text"}


def retrieval_table(results: Mapping[str, Any]) -> str:
    """Returns both directions, and a random ranking's, as a Markdown table, recalls in percent."""
    columns = list(results["text_to_image"])
    header = ["", *(_column_title(column) for column in columns)]
    rows = [
        [label, *(_cell(column, results[direction][column]) for column in columns)]
        for direction, label in DIRECTIONS.items()
    ]
    for direction, label in DIRECTIONS.items():
        chance = results["chance"][direction]
        cells = [_cell(name, chance[name]) if name in chance else "" for name in columns]
        rows.append([f"{label}, random", *cells])
    return markdown_table(header, rows)


def classification_table(results: Mapping[str, Any]) -> str:
    """Returns accuracy and macro averages as a Markdown table, in percent.

    Beside them stand their 95 % intervals, and what a guess would get.
    """
    chance = results["chance_accuracy"]
    guesses = {"accuracy": chance, "top_5_accuracy": 5 * chance, "macro_recall": chance}
    rows = [
        (label, percent(results[name]), interval(results["intervals"][name]))
        + (percent(guesses[name]) if name in guesses else "",)
        for name, label in FIGURES.items()
        if name in results
    ]
    return markdown_table(("", f"{results['num_images']:,} images", "95 % interval", "guess"), rows)


def per_class_table(results: Mapping[str, Any]) -> str:
    """Returns precision, recall and F1 of each class as a Markdown table, in percent."""
    rows = [
        [row["class_name"], *(percent(row[name]) for name in ("precision", "recall", "f1"))]
        + [row["num_images"]]
        for row in results["per_class"]
    ]
    return markdown_table(("class", "precision", "recall", "F1", "images"), rows)


def confusions_table(results: Mapping[str, Any], count: int = 8) -> str:
    """Returns the commonest mistakes as a Markdown table."""
    mistakes = most_confused(results["confusion_matrix"], results["class_names"], count)
    return markdown_table(("true class", "predicted as", "images"), mistakes)


def _column_title(column: str) -> str:
    return column.replace("recall@", "R@").replace("_", " ")


def _cell(column: str, value: float) -> str:
    return percent(value) if column.startswith("recall@") else f"{value:,.1f}"
