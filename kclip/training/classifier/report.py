"""The end of fine-tuning a classifier: measured on its validation images."""

from collections.abc import Mapping, Sequence
from typing import Any

from kclip.evaluation.remarks import classification_remarks
from kclip.metrics.classification import classification_metrics
from kclip.models import ImageClassifier
from kclip.reports.cards.card import ModelCard
from kclip.reports.cards.figures import MeasuredOn
from kclip.training.classifier.data import ClassifierData
from kclip.training.classifier.image_batches import ImageBatches
from kclip.training.common.model_card import base_of, settings_of, shown


def evaluate_classifier(model: ImageClassifier, validation: ImageBatches) -> dict[str, Any]:
    """Measures a classifier on batches in their order.

    Returns:
        What `classification_metrics` returns, `num_images`, and `remarks` for a reader.
    """
    probabilities = validation.predictions(model)
    results = classification_metrics(validation.labels, probabilities, model.class_names)
    remarks = classification_remarks(results, probabilities)
    return results | {"num_images": len(validation.labels), "remarks": remarks}


def model_card(command: Any, data: ClassifierData) -> ModelCard:
    """The card of a run's model, without figures.

    Args:
        command: `TrainClassifier`.
        data: its images.
    """
    settings, images = command.settings, shown(command.images)
    others = command.validation_images
    measured_on = MeasuredOn(shown(others)) if others else MeasuredOn(images, "held-out images")
    return ModelCard(
        shown(command.output),
        "image_classifier",
        [base_of(settings.backbone, settings.weights)] if settings.pretrained else [],
        {
            "data": images,
            "training images": f"{len(data.train):,}",
            "validation images, which chose the epoch": f"{len(data.validation):,}",
            "classes": f"{len(data.train.classes):,}",
        },
        settings_of(command),
        {"classification": measured_on},
    )


def kept_epoch(history: Sequence[Mapping[str, float]]) -> str:
    """Says in words which epoch's weights a run ends with.

    Example:
    >>> kept_epoch([{"val_loss": 0.4, "fine_tuning": 0}, {"val_loss": 0.5, "fine_tuning": 1}])
    'epoch 1 of 2, before fine-tuning'
    """
    best = min(range(len(history)), key=lambda epoch: history[epoch]["val_loss"])
    stage = "fine-tuned" if history[best]["fine_tuning"] else "before fine-tuning"
    return f"epoch {best + 1} of {len(history)}, {stage}"
