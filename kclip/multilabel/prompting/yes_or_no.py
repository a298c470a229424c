from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kclip.metrics.similarity import l2_normalize
from kclip.multilabel.prompting.combinations import checked_classes
from kclip.multilabel.prompting.label_scores import LabelScores
from kclip.zero_shot.classifier import class_prompts, ensemble_templates

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder

TEMPLATES = ("A photo of a {}.",)
NEGATIVE = "A photo of nothing."


@dataclass(frozen=True)
class YesOrNo:
    """Asks of every class by itself: is it "a photo of a dog" or rather "a photo of nothing"?

    MMM-CLIP, "Multi-method to Prompt CLIP" (1). A class is a label if its prompt is more similar to
    the image than the prompt of nothing. Between these two the softmax gives the class the log-odds
    `logit_scale * (similarity to the class - similarity to nothing)`, which is its score: above 0
    exactly where it is a label.

    Attributes:
        class_names: C names.
        class_embeddings: (C, D) float32, L2-normalised.
        nothing_embedding: (D,) float32, L2-normalised.
        logit_scale: what the model multiplies cosine similarities by.

    Example:
        >>> class_embeddings, nothing = np.eye(3, dtype=np.float32)[:2], np.float32([0, 0, 1])
        >>> method = YesOrNo(("cat", "dog"), class_embeddings, nothing, 10.0)
        >>> result = method.predict(np.array([[0.8, 0.0, 0.6]]))
        >>> result.scores.round(3).tolist(), result.labels.tolist()
        ([[2.0, -6.0]], [[True, False]])
    """

    class_names: tuple[str, ...]
    class_embeddings: np.ndarray
    nothing_embedding: np.ndarray
    logit_scale: float

    @classmethod
    def from_names(
        cls,
        embedder: "Embedder",
        class_names: Sequence[str],
        templates: Sequence[str] = TEMPLATES,
        negative: str = NEGATIVE,
    ) -> "YesOrNo":
        """Embeds the prompts once.

        Args:
            embedder: the model.
            class_names: C different names, C > 0.
            templates: each with {} for the name; the prompts of a class are averaged.
            negative: the prompt of an image that does not have the class.

        Raises:
            UserError: there is no class, or one comes twice.
        """
        names, _ = checked_classes(class_names)
        prompts = class_prompts({name: (name,) for name in names}, templates)
        texts = [text for texts in prompts for text in texts]
        embeddings = l2_normalize(embedder.embed_texts([*texts, negative]))
        of_classes = embeddings[:-1].reshape(len(names), len(templates), -1)
        return cls(names, ensemble_templates(of_classes), embeddings[-1], embedder.logit_scale)

    def predict(self, image_embeddings: np.ndarray) -> LabelScores:
        """Compares (N, D) image embeddings of any length with both prompts of every class."""
        images = l2_normalize(image_embeddings)
        of_nothing = images @ self.nothing_embedding
        scores = self.logit_scale * (images @ self.class_embeddings.T - of_nothing[:, None])
        return LabelScores(scores.astype(np.float32), scores > 0)
