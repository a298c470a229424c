"""Embeddings of images that are nowhere."""

from collections.abc import Sequence

import numpy as np

from kclip.data.image_record import ImageRecord
from kclip.data.labelled.images import LabelledImages
from kclip.inference.embedded_images import EmbeddedImages


def embedded_images(
    embeddings: np.ndarray, labels: Sequence[int] | np.ndarray, num_classes: int
) -> EmbeddedImages:
    """N embeddings (N, D) with their classes, called "0" to C - 1."""
    records = [
        ImageRecord(str(row), f"{row}.png", b"", labels=(str(label),))
        for row, label in enumerate(labels)
    ]
    classes = {str(number): (str(number),) for number in range(num_classes)}
    return EmbeddedImages(LabelledImages(records, classes), embeddings)
