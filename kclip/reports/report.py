"""Results in, files out: `metrics.json`, pictures and `report.md`; imports no TensorFlow."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kclip.files import read_history, write_metrics, write_text
from kclip.metrics.classification import most_confused
from kclip.reports.figures.charts import draw_confusion_matrix, draw_curves, draw_recalls
from kclip.reports.figures.grids import draw_search_grid, draw_search_rows
from kclip.reports.figures.style import save_figure

DIRECTIONS = {"text_to_image": "text → image", "image_to_text": "image → text"}


def write_curves(history_csv: Path, picture: Path) -> None:
    """Draws `history.csv` (losses, validation recalls) as `curves.png`."""
    save_figure(draw_curves(read_history(history_csv)), picture)


def write_report(
    directory: Path,
    title: str,
    about: Mapping[str, Any],
    results: Mapping[str, Any],
    images: Mapping[str, Path | bytes],
) -> None:
    """Writes `report.md` and its pictures into a results or run folder.

    Args:
        directory: the folder; if it holds a `history.csv`, the curves are drawn and shown too.
        title: the report's heading.
        about: name -> value, shown as a table at the top: model, data, times.
        results: `retrieval` (of `evaluation.evaluate_retrieval`), `zero_shot` (of
            `evaluation.evaluate_zero_shot`), or both.
        images: file name -> image, for the examples of `retrieval`.
    """
    sections = [f"# {title}", markdown_table(("", ""), about.items())]
    if (directory / "history.csv").is_file():
        write_curves(directory / "history.csv", directory / "curves.png")
        sections += ["## Training", "![Losses and recalls by epoch](curves.png)"]
    if "retrieval" in results:
        _draw_retrieval(directory, results["retrieval"], images)
        sections += ["## Retrieval", *_retrieval_section(results["retrieval"])]
    if "zero_shot" in results:
        _draw_zero_shot(directory, results["zero_shot"])
        sections += ["## Zero-shot classification", *_zero_shot_section(results["zero_shot"])]
    write_text(directory / "report.md", "\n\n".join(sections) + "\n")


def write_search_report(
    directory: Path,
    about: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    images: Mapping[str, Path | bytes],
) -> None:
    """Writes `metrics.json`, a picture grid for each query, and `report.md`.

    Args:
        directory: where to write.
        about: name -> value, shown as a table at the top.
        results: `{"query", "hits": [{"file_name", "score"}]}` for each query.
        images: file name -> image.
    """
    sections = ["# Search results", markdown_table(("", ""), about.items())]
    for number, result in enumerate(results, 1):
        name = f"search_{number:02d}_{_slug(result['query'])}.png"
        grid = draw_search_grid(result["query"], result["hits"], images)
        save_figure(grid, directory / name)
        rows = [
            (n, f"{hit['score']:.3f}", hit["file_name"]) for n, hit in enumerate(result["hits"], 1)
        ]
        table = markdown_table(("rank", "score", "file"), rows)
        sections += [f"## “{result['query']}”", f"![The images found]({name})", table]
    write_metrics(directory / "metrics.json", {"queries": list(results)})
    write_text(directory / "report.md", "\n\n".join(sections) + "\n")


def retrieval_table(results: Mapping[str, Any]) -> str:
    """Returns both directions as a Markdown table, recalls in percent."""
    columns = list(results["text_to_image"])
    header = ["", *(_column_title(column) for column in columns)]
    rows = [
        [label, *(_cell(column, results[direction][column]) for column in columns)]
        for direction, label in DIRECTIONS.items()
    ]
    return markdown_table(header, rows)


def zero_shot_table(results: Mapping[str, Any]) -> str:
    """Returns accuracy and macro averages as a Markdown table, in percent."""
    names = {"accuracy": "accuracy", "macro_precision": "macro precision"}
    names |= {"macro_recall": "macro recall", "macro_f1": "macro F1"}
    names |= {"top_5_accuracy": "top-5 accuracy"}
    rows = [(label, percent(results[name])) for name, label in names.items() if name in results]
    return markdown_table(("", f"{results['num_images']:,} images"), rows)


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
    return markdown_table(("true class", "taken for", "images"), mistakes)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a Markdown table with its columns aligned, so that it reads well as plain text too.

    Example:
        >>> print(markdown_table(("class", "F1"), [("red circle", "91.2 %")]))
        | class      | F1     |
        |------------|--------|
        | red circle | 91.2 % |
    """
    cells = [[str(cell).replace("|", r"\|") for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _draw_retrieval(
    directory: Path, results: Mapping[str, Any], images: Mapping[str, Path | bytes]
) -> None:
    save_figure(draw_recalls(results), directory / "retrieval.png")
    examples = draw_search_rows(results["examples"], images)
    save_figure(examples, directory / "retrieval_examples.png")


def _draw_zero_shot(directory: Path, results: Mapping[str, Any]) -> None:
    title = f"Zero-shot: {percent(results['accuracy'])} of {results['num_images']:,} images right"
    figure = draw_confusion_matrix(results["confusion_matrix"], results["class_names"], title)
    save_figure(figure, directory / "confusion_matrix.png")


def _retrieval_section(results: Mapping[str, Any]) -> list[str]:
    return [
        f"{results['num_images']:,} images and {results['num_captions']:,} captions. R@K is the "
        "share of queries with a right answer among the first K; an image's rank is that of its "
        "best caption; ties count against the model.",
        retrieval_table(results),
        "![Recalls in both directions](retrieval.png)",
        "Captions spread evenly over the set, and the images found for them. Each number is a "
        "cosine similarity; the green frame marks the image that the caption was written for.",
        "![Captions and the images found](retrieval_examples.png)",
    ]


def _zero_shot_section(results: Mapping[str, Any]) -> list[str]:
    templates = ", ".join(f"`{template}`" for template in results["templates"])
    return [
        f"{len(results['class_names'])} classes, known to the model by their names alone, in "
        f"these prompts: {templates}",
        zero_shot_table(results),
        "![Confusion matrix](confusion_matrix.png)",
        per_class_table(results),
        "The commonest mistakes:",
        confusions_table(results),
    ]


def _column_title(column: str) -> str:
    return column.replace("recall@", "R@").replace("_", " ")


def _cell(column: str, value: float) -> str:
    return percent(value) if column.startswith("recall@") else f"{value:,.1f}"


def percent(share: float) -> str:
    """Writes a share in [0, 1] as percent."""
    return f"{100 * share:.1f} %"


def _slug(query: str) -> str:
    return re.sub(r"\W+", "_", query.lower()).strip("_")[:40] or "query"
