"""Pairs of nearly equal images among many, in bounded memory."""

from collections.abc import Callable, Iterator

import numpy as np

_ROWS, _COLUMNS = 256, 4096  # of a block of comparisons, which fits a processor's cache
_AT_ONCE = 16_384  # pairs that are looked at more closely at once
_MANY = 1_000_000  # pairs that are kept as they are, about 24 MB
IsCopy = Callable[[np.ndarray, np.ndarray], np.ndarray]


def near_pairs(
    hashes: np.ndarray, others: np.ndarray, max_bits: int, is_copy: IsCopy
) -> np.ndarray:
    """Finds pairs i < j for which few bits of hashes[i] and others[j] differ.

    Of a million pairs and more, as the frames of a film have them, only those are kept that hold
    their groups together: each image then has its nearest copy, and the groups are the same.

    Args:
        hashes: (N, 4) uint64.
        others: (N, 4) uint64.
        max_bits: that may differ, of 256.
        is_copy: from P rows i and P rows j to P bool: whether a pair is one on a closer look.

    Returns:
        (3, P) int64: i, j and the number of bits.

    Example:
        >>> hashes = np.array([[0] * 4, [7] * 4, [2**64 - 1] * 4], np.uint64)
        >>> near_pairs(hashes, hashes, 20, lambda i, j: i >= 0).tolist()
        [[0], [1], [12]]
    """
    found, total = [np.zeros((3, 0), np.int64)], 0
    for pairs in _close(hashes, others, max_bits):
        kept = pairs[:, is_copy(pairs[0], pairs[1])]
        found.append(kept)
        total += kept.shape[1]
        if total > _MANY:
            found = [spanning_pairs(np.concatenate(found, axis=1), len(hashes))]
            total = found[0].shape[1]
    return np.concatenate(found, axis=1)


def spanning_pairs(pairs: np.ndarray, num_images: int) -> np.ndarray:
    """The fewest pairs, and of these the nearest ones, that join the same images into groups.

    Args:
        pairs: (3, P) int64: i, j and the number of bits.
        num_images: N.

    Returns:
        (3, Q) int64, Q below N.

    Example:
        >>> spanning_pairs(np.array([[0, 0, 1], [1, 2, 2], [5, 9, 3]]), 3).tolist()
        [[0, 1], [1, 2], [5, 3]]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    first, second, bits = pairs
    # One more bit, since 0 would be no link.
    links = coo_array((bits + 1, (first, second)), shape=(num_images, num_images))
    tree = minimum_spanning_tree(links.tocsr()).tocoo()
    ends = np.sort(np.stack([tree.row, tree.col]), axis=0)
    return np.concatenate([ends, tree.data[None] - 1]).astype(np.int64)


def _close(hashes: np.ndarray, others: np.ndarray, max_bits: int) -> Iterator[np.ndarray]:
    """(3, P) arrays of some pairs each: i, j and the number of bits."""
    for top in range(0, len(hashes), _ROWS):
        block = hashes[top : top + _ROWS]
        for left in range(top, len(others), _COLUMNS):
            bits = _differing_bits(block, others[left : left + _COLUMNS])
            i, j = np.nonzero(bits <= max_bits)
            later = i + top < j + left
            i, j = i[later], j[later]
            pairs = np.stack([i + top, j + left, bits[i, j].astype(np.int64)])
            for start in range(0, len(i), _AT_ONCE):
                yield pairs[:, start : start + _AT_ONCE]


def _differing_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(A, B) uint16 from (A, 4) and (B, 4) uint64."""
    bits = np.zeros((len(a), len(b)), np.uint16)
    for word in range(a.shape[1]):
        bits += np.bitwise_count(a[:, word, None] ^ b[None, :, word])
    return bits
