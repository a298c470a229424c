"""Ranking by cosine similarity alone: what a dual encoder or CLIP does without a decoder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kclip.multilabel.class_split import ClassSplit
from kclip.multilabel.queries.query_sources import PromptQueries

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder


class CosineRecognizer:
    """Scores classes by the cosine between an image and the class's prompts.

    It answers `predict_scores` and `with_queries` as `MultiLabelRecognizer` does, so that one
    evaluation serves both.

    Args:
        embedder: the model.
        classes: the classes; none of them was trained on as a label.
        source: what embeds their names.
        class_embeddings: float32 (C, D), L2-normalised; by default those of `source`.
    """

    thresholds = None
    scoring, confidence = "cosines of images and prompts", "cosine"

    def __init__(
        self,
        embedder: "Embedder",
        classes: ClassSplit,
        source: PromptQueries,
        class_embeddings: np.ndarray | None = None,
    ):
        self.embedder = embedder
        self.classes = classes
        self.source = source
        if class_embeddings is None:
            class_embeddings = source.embed_classes(classes.class_names)
        self.class_embeddings = class_embeddings

    @property
    def class_names(self) -> list[str]:
        """The C classes in the order of the scores."""
        return self.classes.class_names

    def predict_scores(
        self, images: Sequence[Path | bytes], batch_size: int = 64, progress: bool = True
    ) -> np.ndarray:
        """Scores N images: float32 (N, C) in [-1, 1]; raises `ImageError`."""
        embeddings = self.embedder.embed_images(images, batch_size, progress)
        return embeddings @ self.class_embeddings.T

    @staticmethod
    def confidences(scores: np.ndarray) -> np.ndarray:
        """Turns cosines into values in [0, 1]: what points away from the image is 0."""
        return np.maximum(scores, 0)

    def with_classes(self, names: Sequence[str]) -> "CosineRecognizer":
        """Returns a recognizer of other classes by their names."""
        return CosineRecognizer(self.embedder, self.classes.among(names), self.source)

    def with_queries(self, classes: ClassSplit, query_embeddings: np.ndarray) -> "CosineRecognizer":
        """Returns a recognizer of other classes by their embeddings, float (C, D)."""
        return CosineRecognizer(self.embedder, classes, self.source, query_embeddings)
