"""The end of fine-tuning a classifier: measured on its validation images."""

from collections.abc import Mapping, Sequence
from typing import Any

from kclip.evaluation.remarks import classification_remarks
from kclip.metrics.classification import classification_metrics
from kclip.models import ImageClassifier
from kclip.training.classifier.image_batches import ImageBatches


def evaluate_classifier(model: ImageClassifier, validation: ImageBatches) -> dict[str, Any]:
    """Measures a classifier on batches in their order.

    Returns:
        What `classification_metrics` returns, `num_images`, and `remarks` for a reader.
    """
    probabilities = validation.predictions(model)
    results = classification_metrics(validation.labels, probabilities, model.class_names)
    remarks = classification_remarks(results, probabilities)
    return results | {"num_images": len(validation.labels), "remarks": remarks}


def kept_epoch(history: Sequence[Mapping[str, float]]) -> str:
    """Says in words which epoch's weights a run ends with.

    Example:
    >>> kept_epoch([{"val_loss": 0.4, "fine_tuning": 0}, {"val_loss": 0.5, "fine_tuning": 1}])
    'epoch 1 of 2, before fine-tuning'
    """
    best = min(range(len(history)), key=lambda epoch: history[epoch]["val_loss"])
    stage = "fine-tuned" if history[best]["fine_tuning"] else "before fine-tuning"
    return f"epoch {best + 1} of {len(history)}, {stage}"
