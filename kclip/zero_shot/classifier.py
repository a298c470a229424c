"""Classification by names alone: the class whose prompts are most similar to the image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.data.labelled.class_names import shown_names
from kclip.errors import UserError
from kclip.metrics.calibration import fit_temperature
from kclip.metrics.similarity import l2_normalize, softmax
from kclip.zero_shot.prompts import fill

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder

PROMPTS_AT_ONCE = 256


@dataclass(frozen=True)
class ZeroShotClassifier:
    """Class embeddings and what compares images with them.

    Attributes:
        class_names: C names.
        class_embeddings: (C, D) float32, L2-normalised.
        logit_scale: what the model multiplies cosine similarities by.
        temperature: what the logits are divided by before they become probabilities; 1 unless
            `calibrated`.

    Example:
        >>> classifier = ZeroShotClassifier(("cat", "dog"), np.eye(2, dtype=np.float32), 10.0)
        >>> image_embeddings = np.array([[0.6, 0.8]], np.float32)
        >>> classifier.logits(image_embeddings).tolist()
        [[6.0, 8.0]]
        >>> classifier.predict_probabilities(image_embeddings).round(3).tolist()
        [[0.11900000274181366, 0.8809999823570251]]
        >>> [[(name, round(p, 2)) for name, p in row] for row in classifier.top_k(image_embeddings)]
        [[('dog', 0.88), ('cat', 0.12)]]
        >>> classifier.predict(image_embeddings), classifier.predict(image_embeddings, 0.9)
        (['dog'], [None])
    """

    class_names: tuple[str, ...]
    class_embeddings: np.ndarray
    logit_scale: float
    temperature: float = 1.0

    @classmethod
    def from_names(
        cls,
        embedder: "Embedder",
        class_names: Sequence[str] | Mapping[str, Sequence[str]],
        templates: Sequence[str],
    ) -> "ZeroShotClassifier":
        """Embeds every name of every class in every template, once.

        Args:
            embedder: the model.
            class_names: two names or more, or label -> names of the class (synonyms), all of which
                count alike.
            templates: each with {} for the name.

        Raises:
            UserError: fewer than two classes, one without a name, or a name that comes twice.
        """
        classes = named_classes(class_names)
        prompts = class_prompts(classes, templates)
        embeddings = _embed_prompts(embedder, [text for texts in prompts for text in texts])
        return cls.from_embeddings(classes, templates, embeddings, embedder.logit_scale)

    @classmethod
    def from_embeddings(
        cls,
        classes: Mapping[str, Sequence[str]],
        templates: Sequence[str],
        embeddings: np.ndarray,
        logit_scale: float,
    ) -> "ZeroShotClassifier":
        """The same from prompts that have been embedded already.

        Args:
            classes: of `named_classes`.
            templates: each with {} for the name.
            embeddings: (P, D), of the prompts in the order of `class_prompts`.
            logit_scale: of the model.
        """
        ends = np.cumsum([len(texts) for texts in class_prompts(classes, templates)])
        rows = [ensemble_templates(part[None])[0] for part in np.split(embeddings, ends[:-1])]
        return cls(shown_names(classes), np.stack(rows), logit_scale)

    def calibrated(self, labels: np.ndarray, image_embeddings: np.ndarray) -> "ZeroShotClassifier":
        """Returns the classifier with the temperature that fits labelled images best.

        Args:
            labels: (N,) integers in [0, C), N > 0.
            image_embeddings: (N, D) floats; not of images that the result is measured on.
        """
        return replace(self, temperature=fit_temperature(labels, self.logits(image_embeddings)))

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
        return softmax(self.logits(image_embeddings), self.temperature)

    def predict(self, image_embeddings: np.ndarray, threshold: float = 0.0) -> list[str | None]:
        """Names the class of each image, or None ("I don't know") below a probability.

        Args:
            image_embeddings: (N, D) floats of any length.
            threshold: the least probability of an answer, in [0, 1].
        """
        best = [row[0] for row in self.top_k(image_embeddings, 1)]
        return [name if probability >= threshold else None for name, probability in best]

    def top_k(self, image_embeddings: np.ndarray, k: int = 5) -> list[list[tuple[str, float]]]:
        """Returns each image's min(k, C) likeliest classes with their probabilities, best first.

        Args:
            image_embeddings: (N, D) floats of any length.
            k: how many classes, 1 or more.
        """
        if k < 1:
            raise UserError(f"the number of classes to list must be at least 1, got {k}")
        probabilities = self.predict_probabilities(image_embeddings)
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
        values = np.take_along_axis(probabilities, best, axis=1)
        return [
            [(self.class_names[column], p) for column, p in zip(columns, row, strict=True)]
            for columns, row in zip(best.tolist(), values.tolist(), strict=True)
        ]


def named_classes(
    class_names: Sequence[str] | Mapping[str, Sequence[str]],
) -> dict[str, tuple[str, ...]]:
    """Checks classes and returns them as label -> names; raises `UserError`."""
    if isinstance(class_names, Mapping):
        classes = {label: tuple(names) for label, names in class_names.items()}
    else:
        classes = {name: (name,) for name in class_names}
    if len(classes) < len(class_names):
        raise UserError("a class name comes twice; give every class one name of its own")
    if len(classes) < 2:
        raise UserError(
            f"classifying takes at least two classes, got {list(classes)}; "
            "give a folder with one sub-folder of images for each class"
        )
    nameless = [label for label, names in classes.items() if not names]
    if nameless:
        raise UserError(
            f"{len(nameless)} classes have no name in words (the first is {nameless[0]!r}); give "
            "--classes, a text file of one class a line as 'label: name, synonym'"
        )
    return classes


def class_prompts(
    classes: Mapping[str, Sequence[str]], templates: Sequence[str]
) -> list[tuple[str, ...]]:
    """Returns the prompts of each class: every name in every template.

    Example:
        >>> class_prompts({"cane": ("dog", "puppy"), "cat": ("cat",)}, ["a {}."])
        [('a dog.', 'a puppy.'), ('a cat.',)]
    """
    return [
        tuple(fill(template, name) for name in names for template in templates)
        for names in classes.values()
    ]


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


def _embed_prompts(embedder: "Embedder", prompts: Sequence[str]) -> np.ndarray:
    starts = range(0, len(prompts), PROMPTS_AT_ONCE)
    bar = ProgressBar(starts, desc="Embedding prompts", disable=len(starts) == 1)
    return np.concatenate(
        [embedder.embed_texts(prompts[start : start + PROMPTS_AT_ONCE]) for start in bar]
    )
