"""Zero-shot classification of labelled records, measured."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.data.image_record import ImageRecord
from kclip.evaluation.retrieval import embed_records
from kclip.metrics.classification import classification_metrics
from kclip.zero_shot.classifier import ZeroShotClassifier

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder


def evaluate_zero_shot(
    embedder: "Embedder", records: Sequence[ImageRecord], templates: Sequence[str]
) -> dict[str, Any]:
    """Classifies images by the names of their classes, and counts how often that is right.

    Images that can't be read are left out and printed.

    Args:
        embedder: the model.
        records: images, each with its class as the first label.
        templates: prompts with {} for the class name.

    Returns:
        What `classification_metrics` returns, and `num_images` and `templates`.

    Raises:
        UserError: fewer than two classes, or more than 1 % of the images can't be read.
        KclipError: an embedding is not finite.
    """
    class_names = sorted({record.labels[0] for record in records})
    classifier = ZeroShotClassifier.from_names(embedder, class_names, templates)
    image_embeddings, kept = embed_records(embedder, records)
    labels = np.array([class_names.index(record.labels[0]) for record in kept])
    results = classification_metrics(labels, classifier.logits(image_embeddings), class_names)
    return results | {"num_images": len(labels), "templates": list(templates)}
