"""Exact nearest rows: every embedding is compared with every query."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

# Up to here dot products row by row are faster than a matrix product, whose threads wait for the
# memory; NumPy's product of a matrix and one vector takes twice as long.
FEW_QUERIES = 4
# For 64 queries, 8 MiB of scores at a time.
BLOCK_ROWS = 32_768
# For few queries codes become float32 in a buffer of so many bytes, which stays in the cache.
BUFFER_BYTES = 2 * 2**20

Found = tuple[np.ndarray, np.ndarray]  # rows, int64, and their scores, float32


def nearest_rows(
    queries: np.ndarray,
    embeddings: np.ndarray,
    top_k: int,
    block_rows: int | None = None,
    allowed: np.ndarray | None = None,
) -> Found:
    """Finds the rows with the largest dot product with each query, in blocks.

    Args:
        queries: (Q, D) float32.
        embeddings: (N, D) float32, or (N,) rows of `kclip.retrieval.codes`; memory-mapped if need
            be.
        top_k: rows wanted for each query, at least 1.
        block_rows: rows compared at a time; by default as many as serve speed.
        allowed: (N,) bool, rows that may be found; all by default.

    Returns:
        rows: (Q, K) int64 with K = min(top_k, N), best first, equal scores in order of rows; -1
            where fewer rows are allowed.
        scores: (Q, K) float32; -inf there.

    Raises:
        ValueError: `top_k` is below 1.

    Example:
        >>> eye = np.eye(3, dtype="float32")
        >>> nearest_rows(eye[1:2], eye, top_k=2)[0].tolist()
        [[1, 0]]
    """
    if top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}")
    embeddings = np.asarray(embeddings)  # slices of a memory map would be maps, too
    block_rows = block_rows or _block_rows(embeddings, queries)

    def search(part: slice) -> list[Found]:
        found = [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        buffer = np.empty((block_rows, queries.shape[1]), np.float32)
        for start in range(part.start, part.stop, block_rows):
            block = slice(start, min(start + block_rows, part.stop))
            scored = _scores(queries, embeddings[block], buffer)
            if allowed is not None:
                scored = (np.where(allowed[block], scores, -np.inf) for scores in scored)
            found = [_merged(*pair, start, top_k) for pair in zip(found, scored, strict=True)]
        return found

    parts = _parts(len(embeddings), len(queries))
    with ThreadPoolExecutor(len(parts)) as threads:
        of_parts = list(threads.map(search, parts))
    best = [_best(list(found), top_k) for found in zip(*of_parts, strict=True)]
    rows, scores = (np.stack(arrays) for arrays in zip(*best, strict=True))
    return np.where(np.isneginf(scores), -1, rows), scores


def _block_rows(embeddings: np.ndarray, queries: np.ndarray) -> int:
    if embeddings.dtype.names is None or len(queries) > FEW_QUERIES:
        return BLOCK_ROWS
    return max(1, min(BLOCK_ROWS, BUFFER_BYTES // (4 * queries.shape[1])))


def _parts(num_rows: int, num_queries: int) -> list[slice]:
    """One part for each core, but for a matrix product, which has threads of its own."""
    count = (os.cpu_count() or 1) if num_queries <= FEW_QUERIES else 1
    ends = [num_rows * number // count for number in range(count + 1)]
    return [slice(*of_part) for of_part in zip(ends[:-1], ends[1:], strict=True)]


def _scores(queries: np.ndarray, block: np.ndarray, buffer: np.ndarray) -> Iterator[np.ndarray]:
    """One array of scores for each query."""
    scale = np.float32(1)
    if block.dtype.names is not None:
        buffer = buffer[: len(block)]
        np.copyto(buffer, block["numbers"])
        scale, block = block["scale"], buffer
    if len(queries) <= FEW_QUERIES:
        return (np.vecdot(block, query) * scale for query in queries)
    return iter((queries @ block.T) * scale)


def _merged(found: Found, scores: np.ndarray, start: int, top_k: int) -> Found:
    """The best of those found before and of a block whose first row is `start`."""
    if len(found[0]) == top_k:  # a later row must be better than all of these
        rows = np.flatnonzero(scores > found[1][-1])
    elif len(scores) > top_k:
        rows = np.flatnonzero(scores >= np.partition(scores, -top_k)[-top_k])
    else:
        rows = np.arange(len(scores))
    return _best([found, (rows + start, scores[rows])], top_k)


def _best(found: list[Found], top_k: int) -> Found:
    rows, scores = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    # Rows stand in ascending order where scores are equal; a stable sort keeps them so.
    order = np.argsort(-scores, kind="stable")[:top_k]
    return rows[order], scores[order]
