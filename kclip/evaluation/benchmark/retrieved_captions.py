from collections.abc import Sequence
from typing import Protocol

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.metrics.similarity import l2_normalize, row_blocks
from kclip.multilabel.prompting.combinations import list_names

TEXTS_AT_ONCE = 1024


class _TextEmbedder(Protocol):
    def embed_texts(self, texts: Sequence[str]) -> np.ndarray: ...


class RetrievedCaptions:
    """Captions of combinations where no language model is at hand: the nearest that people wrote.

    A combination's caption is, of all captions, the one whose embedding is nearest to that of the
    names. They are of other images than those that are recognised.

    Args:
        embedder: with `embed_texts(texts)`, such as `kclip.Embedder`.
        captions: M sentences, M > 0.

    Example:
    >>> embedder = kclip.Embedder.from_name("runs/demo/model")
    >>> captions = RetrievedCaptions(embedder, ["a red circle", "two blue squares"])
    >>> captions([("circle", "red")])
    ['a red circle']
    """

    def __init__(self, embedder: _TextEmbedder, captions: Sequence[str]):
        self.embedder = embedder
        self.captions = list(dict.fromkeys(captions))
        self._embeddings = self._embed(self.captions)

    def __call__(self, combinations: Sequence[Sequence[str]]) -> list[str]:
        """Returns the nearest caption of each combination."""
        names = self._embed(list_names(combinations))
        nearest = [
            (names[rows] @ self._embeddings.T).argmax(axis=1)
            for rows in row_blocks(len(names), len(self.captions))
        ]
        return [self.captions[row] for row in np.concatenate(nearest)]

    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        starts = range(0, len(texts), TEXTS_AT_ONCE)
        bar = ProgressBar(starts, desc="Embedding texts", disable=len(starts) < 2)
        rows = [self.embedder.embed_texts(texts[s : s + TEXTS_AT_ONCE]) for s in bar]
        return l2_normalize(np.concatenate(rows))
