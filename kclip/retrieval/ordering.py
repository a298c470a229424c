"""An order of what was found that does not depend on how an index came about.

Copies of an image have equal scores. An index that has grown holds them in another order than one
that was built at once, and both must answer alike: equal ones stand in the order of their paths.
"""

from collections.abc import Callable

import numpy as np

# Of equal embeddings a matrix product gives scores that differ by less, from block to block.
_SAME = 1e-6
# More rows than are wanted are looked at, up to so many, until the last is worse than those.
_MORE, _MANY = 8, 1024


def ordered_rows(
    find: Callable[[int], tuple[np.ndarray, np.ndarray]],
    score: Callable[[int, np.ndarray], np.ndarray],
    path: Callable[[int], str],
    count: int,
    size: int,
) -> list[list[tuple[int, float]]]:
    """Finds the best rows of each query, equal ones in the order of their paths.

    Args:
        find: from K to the best K rows of each query and their scores, (Q, K), best first, with -1
            and -inf where there are fewer.
        score: from the number of a query and rows (M,) to scores (M,), equal for equal embeddings.
        path: of a row.
        count: rows wanted.
        size: rows there are.

    Returns:
        For each query up to `count` pairs of row and score. Of more than a thousand equal ones, not
        the first by path may be among them.

    Example:
        >>> scores = np.array([0.5, 0.9, 0.5, 0.5])
        >>> def find(k):
        ...     rows = np.argsort(-scores, kind="stable")[:k]
        ...     return rows[None], scores[rows][None]
        >>> ordered_rows(find, lambda _, rows: scores[rows], "dabc".__getitem__, 2, 4)
        [[(1, 0.9), (2, 0.5)]]
    """
    wanted = min(count + _MORE, size)
    while True:
        rows, scores = find(wanted)
        if wanted >= min(count + _MANY, size) or not _cuts_equal_ones(scores, count):
            break
        wanted = min(2 * wanted, size)
    return [
        _ordered(of_query[of_query >= 0], lambda found, number=number: score(number, found), path)[
            :count
        ]
        for number, of_query in enumerate(rows)
    ]


def _cuts_equal_ones(scores: np.ndarray, count: int) -> bool:
    """Whether the last that was found is as good as the last that is wanted."""
    return bool(np.any(scores[:, -1] > scores[:, count - 1] - _SAME))


def _ordered(
    rows: np.ndarray, score: Callable[[np.ndarray], np.ndarray], path: Callable[[int], str]
) -> list[tuple[int, float]]:
    found = zip(rows.tolist(), score(rows).tolist(), strict=True)
    return sorted(found, key=lambda pair: (-pair[1], path(pair[0])))
