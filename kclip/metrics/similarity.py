"""Embeddings of unit length, their similarities in blocks of rows, and the softmax of logits."""

from collections.abc import Iterator

import numpy as np

# 32 Mi scores of 4 bytes: 128 MiB for a block, whatever the number of columns.
MAX_BLOCK_SCORES = 32 * 2**20


def l2_normalize(embeddings: np.ndarray) -> np.ndarray:
    """Scales every embedding to length 1; an embedding of zeros stays zero.

    Args:
        embeddings: (..., D) floats.

    Returns:
        (..., D) float32.

    Example:
        >>> l2_normalize(np.array([[3.0, 4.0], [0.0, 0.0]])).round(2).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    embeddings = np.asarray(embeddings, np.float32)
    lengths = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    return embeddings / np.maximum(lengths, np.finfo(np.float32).tiny)


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Turns logits into probabilities.

    Args:
        logits: (N, C) floats.
        temperature: what the logits are divided by, above 0; more than 1 makes them less sure.

    Returns:
        (N, C), rows that sum to 1, in the dtype of `logits`.

    Example:
        >>> softmax(np.log([[1.0, 3.0]])).round(3).tolist()
        [[0.25, 0.75]]
    """
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def row_blocks(num_rows: int, num_columns: int, block_rows: int | None = None) -> Iterator[slice]:
    """Yields slices that cover `num_rows`, each at most `MAX_BLOCK_SCORES` scores large.

    Args:
        num_rows: rows of the whole similarity matrix.
        num_columns: its columns.
        block_rows: rows of one block; by default as many as `MAX_BLOCK_SCORES` allows.

    Example:
        >>> list(row_blocks(5, 10, block_rows=2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    rows = block_rows or max(1, MAX_BLOCK_SCORES // max(1, num_columns))
    for start in range(0, num_rows, rows):
        yield slice(start, min(start + rows, num_rows))
