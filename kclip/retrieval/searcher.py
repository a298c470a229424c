"""Exact search: the images whose embeddings are most similar to a query's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kclip.metrics.similarity import l2_normalize, row_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kclip.embedding import Embedder
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
    embedder: "Embedder", index: "EmbeddingIndex", queries: "Sequence[str]", top_k: int
) -> list[SearchResult]:
    """Finds the `top_k` images of an index for each query.

    Args:
        embedder: the model that made the index.
        index: embeddings of N images.
        queries: sentences.
        top_k: images wanted for each; fewer are found where N is smaller.
    """
    rows, scores = top_k_rows(embedder.embed_texts(queries), index.embeddings, top_k)
    return [
        SearchResult(query, tuple(map(Hit, [index.file_names[row] for row in found], values)))
        for query, found, values in zip(queries, rows.tolist(), scores.tolist(), strict=True)
    ]


def top_k_rows(
    query_embeddings: np.ndarray,
    embeddings: np.ndarray,
    top_k: int,
    block_rows: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Finds each query's most similar rows, exactly, reading the embeddings once in blocks.

    Args:
        query_embeddings: (Q, D) floats of any length.
        embeddings: (N, D) floats of any length, memory-mapped if need be.
        top_k: rows wanted for each query.
        block_rows: rows compared at a time; by default what fits in 128 MiB.

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
    if top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}")
    queries = l2_normalize(query_embeddings)
    rows = np.empty((len(queries), 0), np.int64)
    scores = np.empty((len(queries), 0), np.float32)
    for block in row_blocks(len(embeddings), max(embeddings.shape[1], len(queries)), block_rows):
        new = queries @ l2_normalize(embeddings[block]).T
        new_rows = np.broadcast_to(np.arange(block.start, block.stop), new.shape)
        rows = np.concatenate([rows, new_rows], axis=1)
        scores = np.concatenate([scores, new], axis=1)
        # Rows stand in ascending order where scores are equal; a stable sort keeps them so.
        best = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
        rows = np.take_along_axis(rows, best, axis=1)
        scores = np.take_along_axis(scores, best, axis=1)
    return rows, scores
