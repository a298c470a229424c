from collections.abc import Callable, Sequence

import numpy as np

from kclip.multilabel.queries.query_sources import QuerySource


class RememberedSource:
    """A query source that embeds nothing twice, for those who ask again and again.

    Args:
        source: what is asked the first time.

    Example:
    >>> from kclip.multilabel.queries.query_sources import load_query_source
    >>> source = RememberedSource(load_query_source("runs/demo/model", ["a photo of a {}."]))
    >>> source.embed_classes(["cat", "dog"]).shape, source.embed_classes(["dog"]).shape
    ((2, 128), (1, 128))
    """

    def __init__(self, source: QuerySource):
        self.source = source
        self._classes: dict[str, np.ndarray] = {}
        self._texts: dict[str, np.ndarray] = {}

    @property
    def dim(self) -> int:
        """Length of the embeddings."""
        return self.source.dim

    def embed_classes(self, names: Sequence[str]) -> np.ndarray:
        """Embeds K classes by their names: float32 (K, dim), L2-normalised."""
        return _remembered(names, self._classes, self.source.embed_classes)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds M sentences: float32 (M, dim), L2-normalised."""
        return _remembered(texts, self._texts, self.source.embed_texts)


def _remembered(
    words: Sequence[str],
    known: dict[str, np.ndarray],
    embed: Callable[[Sequence[str]], np.ndarray],
) -> np.ndarray:
    missing = [word for word in dict.fromkeys(words) if word not in known]
    if missing or not words:  # without words too, so that the source may refuse
        known |= dict(zip(missing, embed(missing), strict=True))
    return np.stack([known[word] for word in words])
