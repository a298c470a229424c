"""The end of fine-tuning a classifier: measured on its validation images, and described."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kclip.console.progress import keras_verbosity
from kclip.files import read_history, write_metrics, write_text
from kclip.metrics.classification import classification_metrics
from kclip.models import ImageClassifier
from kclip.reports.figures.charts import draw_confusion_matrix
from kclip.reports.figures.classifier_curves import draw_classifier_curves
from kclip.reports.figures.style import save_figure
from kclip.reports.report import (
    confusions_table,
    markdown_table,
    per_class_table,
    percent,
    zero_shot_table,
)
from kclip.training.classifier.image_batches import ImageBatches


def evaluate_classifier(model: ImageClassifier, validation: ImageBatches) -> dict[str, Any]:
    """Measures a classifier on batches in their order.

    Returns:
        What `classification_metrics` returns, and `num_images`.
    """
    probabilities = model.predict(validation, verbose=keras_verbosity())
    results = classification_metrics(validation.labels, probabilities, model.class_names)
    return results | {"num_images": len(validation.labels)}


def kept_epoch(history: Sequence[Mapping[str, float]]) -> str:
    """Says in words which epoch's weights a run ends with.

    Example:
    >>> kept_epoch([{"val_loss": 0.4, "fine_tuning": 0}, {"val_loss": 0.5, "fine_tuning": 1}])
    'epoch 1 of 2, before fine-tuning'
    """
    best = min(range(len(history)), key=lambda epoch: history[epoch]["val_loss"])
    stage = "fine-tuned" if history[best]["fine_tuning"] else "before fine-tuning"
    return f"epoch {best + 1} of {len(history)}, {stage}"


def write_classifier_run(
    output: Path, about: Mapping[str, Any], results: Mapping[str, Any], run: Mapping[str, Any]
) -> None:
    """Writes `metrics.json`, `curves.png`, `confusion_matrix.png` and `report.md`.

    Args:
        output: the run folder; holds `history.csv`.
        about: name -> value, shown as a table at the top.
        results: of `evaluate_classifier`.
        run: seconds and memory, for `metrics.json`.
    """
    write_metrics(output / "metrics.json", dict(results) | {"run": run})
    curves = draw_classifier_curves(read_history(output / "history.csv"))
    save_figure(curves, output / "curves.png")
    title = f"{percent(results['accuracy'])} of {results['num_images']:,} validation images right"
    matrix = draw_confusion_matrix(results["confusion_matrix"], results["class_names"], title)
    save_figure(matrix, output / "confusion_matrix.png")
    sections = [
        "# Fine-tuned classifier",
        markdown_table(("", ""), about.items()),
        "## Training",
        "![Loss and accuracy by epoch](curves.png)",
        "## Validation",
        "The epoch that is kept was chosen on these images, so the figures are a little "
        "flattering; `compare_classifiers` measures on others.",
        zero_shot_table(results),
        "![Confusion matrix](confusion_matrix.png)",
        per_class_table(results),
    ]
    if not np.array_equal(
        results["confusion_matrix"], np.diag(np.diag(results["confusion_matrix"]))
    ):
        sections += ["The commonest mistakes:", confusions_table(results)]
    write_text(output / "report.md", "\n\n".join(sections) + "\n")
    print(zero_shot_table(results))
