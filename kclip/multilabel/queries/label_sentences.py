"""Sentences that name all labels of an image, embedded once for each set of labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

SENTENCE = "a photo of {}"


class _SentenceSource(Protocol):
    def embed_texts(self, texts: Sequence[str]) -> np.ndarray: ...


@dataclass(frozen=True)
class LabelSets:
    """The different sets of labels among some images.

    Args:
        ids: int32 (N,), which set each image has; -1 where it has no label.
        members: bool (S, C), the classes of each set.
    """

    ids: np.ndarray
    members: np.ndarray

    @classmethod
    def of_images(cls, labels: np.ndarray) -> "LabelSets":
        """Finds them in the labels, (N, C) of 0 and 1.

        Example:
            >>> sets = LabelSets.of_images(np.array([[0, 1], [0, 0], [1, 1], [0, 1]]))
            >>> sets.ids.tolist(), sets.members.astype(int).tolist()
            ([0, -1, 1, 0], [[0, 1], [1, 1]])
        """
        labels = np.asarray(labels).astype(bool)
        labelled = labels.any(axis=1)
        ids = np.full(len(labels), -1, np.int32)
        # Bits, since NumPy compares rows byte by byte.
        packed = np.packbits(labels[labelled], axis=1)
        _, first, inverse = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        ids[labelled] = inverse.reshape(-1)
        return cls(ids, labels[labelled][first])

    def embed(
        self, source: _SentenceSource, class_names: Sequence[str], template: str = SENTENCE
    ) -> np.ndarray:
        """Embeds the sentence of each set: float32 (S, E), L2-normalised.

        Args:
            source: with `embed_texts`, such as those of `kclip.multilabel.queries.query_sources`.
            class_names: C names.
            template: with {} where the names go.

        Raises:
            UserError: the source has no sentence encoder.
        """
        sentences = [
            label_sentence(
                template, [name for name, has in zip(class_names, row, strict=True) if has]
            )
            for row in self.members
        ]
        return source.embed_texts(sentences)


def label_sentence(template: str, names: Sequence[str]) -> str:
    """Puts several names into a template, as a speaker would list them.

    Example:
        >>> label_sentence("a photo of {}", ["sky", "car", "dirt_road"])
        'a photo of sky, car and dirt road'
    """
    words = [" ".join(name.replace("_", " ").split()) for name in names]
    *others, last = words
    return template.replace("{}", f"{', '.join(others)} and {last}" if others else last)
