"""Classification by names alone: the class whose prompts are most similar to the image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kclip.errors import UserError
from kclip.metrics.similarity import l2_normalize
from kclip.zero_shot.prompts import fill

if TYPE_CHECKING:
    from kclip.embedding import Embedder


@dataclass(frozen=True)
class ZeroShotClassifier:
    """Class embeddings and what compares images with them.

    Attributes:
        class_names: C names.
        class_embeddings: (C, D) float32, L2-normalised.
        logit_scale: what cosine similarities are multiplied by.

    Example:
        >>> classifier = ZeroShotClassifier(("cat", "dog"), np.eye(2, dtype=np.float32), 10.0)
        >>> classifier.logits(np.array([[0.6, 0.8]], np.float32)).tolist()
        [[6.0, 8.0]]
        >>> classifier.predict_probabilities(np.array([[0.6, 0.8]])).round(3).tolist()
        [[0.11900000274181366, 0.8809999823570251]]
    """

    class_names: tuple[str, ...]
    class_embeddings: np.ndarray
    logit_scale: float

    @classmethod
    def from_names(
        cls, embedder: "Embedder", class_names: Sequence[str], templates: Sequence[str]
    ) -> "ZeroShotClassifier":
        """Embeds every class in every template, once.

        Args:
            embedder: the model.
            class_names: two names or more.
            templates: each with {} for the name.

        Raises:
            UserError: fewer than two classes, or a name that comes twice.
        """
        names = tuple(class_names)
        if len(names) < 2:
            raise UserError(
                f"classifying takes at least two classes, got {list(names)}; "
                "give a folder with one sub-folder of images for each class"
            )
        if len(set(names)) < len(names):
            raise UserError("a class name comes twice; give every class one name of its own")
        prompts = [fill(template, name) for name in names for template in templates]
        embeddings = embedder.embed_texts(prompts)
        embeddings = embeddings.reshape(len(names), len(templates), -1)
        return cls(names, ensemble_templates(embeddings), embedder.logit_scale)

    def logits(self, image_embeddings: np.ndarray) -> np.ndarray:
        """Compares images with the classes.

        Args:
            image_embeddings: (N, D) floats of any length.

        Returns:
            (N, C) float32, cosine similarity times `logit_scale`.
        """
        return self.logit_scale * (l2_normalize(image_embeddings) @ self.class_embeddings.T)

    def predict_probabilities(self, image_embeddings: np.ndarray) -> np.ndarray:
        """Returns (N, C) float32, the softmax of the logits over the classes."""
        logits = self.logits(image_embeddings)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)


def ensemble_templates(embeddings: np.ndarray) -> np.ndarray:
    """Joins each class's prompts into one embedding: normalise, mean, normalise.

    This is OpenAI CLIP's ensemble (Radford et al. 2021, section 3.1.4), which differs from the
    mean of unnormalised embeddings where prompts differ in length.

    Args:
        embeddings: (C, T, D) floats for C classes and T templates.

    Returns:
        (C, D) float32, L2-normalised.

    Example:
        >>> ensemble_templates(np.array([[[2.0, 0.0], [0.0, 9.0]]])).round(3).tolist()
        [[0.7070000171661377, 0.7070000171661377]]
    """
    return l2_normalize(l2_normalize(embeddings).mean(axis=1))
