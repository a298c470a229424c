"""Search by words: the images whose embeddings are most similar to a sentence's."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from kclip.errors import UserError
from kclip.metrics.similarity import l2_normalize
from kclip.retrieval.exact import nearest_rows
from kclip.retrieval.index import ImageIndex
from kclip.retrieval.results import SearchResult


class TextEmbedder(Protocol):
    """What a search takes of a model; `kclip.Embedder` has it."""

    @property
    def digest(self) -> str:
        """Hex digest of all that embeddings depend on."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds M strings: float32 (M, D)."""
        ...


def search(
    embedder: TextEmbedder,
    index: ImageIndex,
    queries: Sequence[str],
    top_k: int,
    approximate: bool = False,
) -> list[SearchResult]:
    """Finds the `top_k` images of an index for each query.

    Args:
        embedder: the model that made the index.
        index: of N images.
        queries: sentences.
        top_k: images wanted for each; fewer are found where N is smaller.
        approximate: ask only the part of the index that lies near a query (with faiss); a few
            images may be missed.

    Raises:
        UserError: the index is of another model, or faiss is missing.
    """
    check_model(embedder, index)
    found = index.search(embedder.embed_texts(queries), top_k, approximate=approximate)
    return [SearchResult(*pair) for pair in zip(queries, found, strict=True)]


def check_model(embedder: TextEmbedder, index: ImageIndex) -> None:
    """Raises `UserError` where an index was made by another model than the one that asks it."""
    if embedder.digest != index.about.model_digest:
        raise UserError(
            f"{index.folder} is the index of another model"
            f"{f' ({index.about.model})' if index.about.model else ''}; give that one, or make an "
            "index with yours"
        )


def top_k_rows(
    query_embeddings: np.ndarray,
    embeddings: np.ndarray,
    top_k: int,
    block_rows: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Finds each query's most similar rows, exactly, among embeddings of any length.

    Args:
        query_embeddings: (Q, D) floats of any length.
        embeddings: (N, D) floats of any length; those of an index, which are L2-normalised, need
            no second copy with `kclip.retrieval.exact.nearest_rows`.
        top_k: rows wanted for each query.
        block_rows: rows compared at a time.

    Returns:
        rows: (Q, K) int64 with K = min(top_k, N), best first, equal scores in order of rows.
        scores: (Q, K) float32, cosine similarities.

    Raises:
        ValueError: `top_k` is below 1.

    Example:
        >>> images = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
        >>> rows, scores = top_k_rows(np.array([[0.0, 2.0]]), images, top_k=2)
        >>> rows.tolist(), scores.round(1).tolist() == [[1.0, np.float32(0.8)]]
        ([[1, 2]], True)
    """
    queries, embeddings = l2_normalize(query_embeddings), l2_normalize(embeddings)
    return nearest_rows(queries, embeddings, top_k, block_rows)
