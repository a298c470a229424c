"""Search: the images whose embeddings are most similar to a query's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kclip.metrics.similarity import l2_normalize
from kclip.retrieval.exact import nearest_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kclip.inference.embedder import Embedder
    from kclip.retrieval.approximate import ApproximateIndex
    from kclip.retrieval.index import EmbeddingIndex


@dataclass(frozen=True)
class Hit:
    """An image that was found: its name in the index and its cosine similarity in [-1, 1]."""

    file_name: str
    score: float


@dataclass(frozen=True)
class SearchResult:
    """The images found for one query, best first."""

    query: str
    hits: tuple[Hit, ...]


def search(
    embedder: "Embedder",
    index: "EmbeddingIndex",
    queries: "Sequence[str]",
    top_k: int,
    approximate: "ApproximateIndex | None" = None,
) -> list[SearchResult]:
    """Finds the `top_k` images of an index for each query.

    Args:
        embedder: the model that made the index.
        index: embeddings of N images.
        queries: sentences.
        top_k: images wanted for each; fewer are found where N is smaller.
        approximate: of the same index, to search that instead; it may miss images.
    """
    embedded = l2_normalize(embedder.embed_texts(queries))
    if approximate is None:
        rows, scores = nearest_rows(embedded, index.embeddings, top_k)
    else:
        rows, scores = approximate.nearest_rows(embedded, top_k)
    return [
        SearchResult(query, _hits(index, *found))
        for query, *found in zip(queries, rows.tolist(), scores.tolist(), strict=True)
    ]


def _hits(index: "EmbeddingIndex", rows: list[int], scores: list[float]) -> tuple[Hit, ...]:
    found = zip(rows, scores, strict=True)
    return tuple(Hit(index.file_names[row], score) for row, score in found if row >= 0)


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
