"""Scores of images, a few of which may be damaged."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kclip.data.labelled.multilabel_images import MultiLabelImages
from kclip.inference.readable_images import embed_readable_images
from kclip.multilabel.recognition.opening import Recognizer


@dataclass(frozen=True)
class _ScoresAsEmbeddings:
    """C scores are an embedding, too."""

    recognizer: Recognizer
    digest: str = ""

    def embed_images(self, images: Sequence[Path | bytes]) -> np.ndarray:
        return self.recognizer.predict_scores(images)


def score_images(
    recognizer: Recognizer, images: MultiLabelImages
) -> tuple[MultiLabelImages, np.ndarray]:
    """Scores the images that can be read and prints which can't.

    Returns:
        images: the R readable ones.
        scores: float32 (R, C).

    Raises:
        UserError: more than 1 % of the images can't be read.
    """
    scores, readable = embed_readable_images(
        _ScoresAsEmbeddings(recognizer), images.images, images.file_names
    )
    return images.rows(readable.tolist()), scores
