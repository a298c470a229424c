"""Groups of copies, and samples that never split one."""

from collections.abc import Sequence

import numpy as np

from kclip.data.copies.search import CopyPair


def copy_groups(num_images: int, pairs: Sequence[CopyPair]) -> np.ndarray:
    """Puts copies, copies of copies, and so on into one group.

    Returns:
        (N,) int64: for each image the first row of its group, its own where it has no copies.

    Example:
        >>> copy_groups(5, [CopyPair(0, 3, "mirrored"), CopyPair(2, 3, "same file")]).tolist()
        [0, 1, 0, 0, 4]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first = np.array([pair.first for pair in pairs], np.int64)
    second = np.array([pair.second for pair in pairs], np.int64)
    links = coo_array((np.ones(len(pairs)), (first, second)), shape=(num_images, num_images))
    _, group_of = connected_components(links, directed=False)
    _, first_rows = np.unique(group_of, return_index=True)
    return first_rows[group_of].astype(np.int64)


def take_groups(groups: Sequence[int] | np.ndarray, count: int) -> np.ndarray:
    """Takes whole groups in the order of their first images until `count` images are taken.

    A group that is larger than what is still wanted is passed over for later, smaller ones; so
    fewer images than `count` are taken only where no group is left that fits. Where nobody has
    copies, the first `count` images are taken.

    Args:
        groups: (N,) the group of each image, in the order of the sample.
        count: images to take.

    Returns:
        (N,) bool.

    Example:
        >>> take_groups([7, 3, 3, 8, 7, 9], 3).tolist()
        [True, False, False, True, True, False]
    """
    names, of_image, sizes = np.unique(
        np.asarray(groups, np.int64), return_inverse=True, return_counts=True
    )
    taken = np.zeros(len(names), bool)
    left = count
    for group in dict.fromkeys(of_image.tolist()):
        if sizes[group] <= left:
            taken[group] = True
            left -= sizes[group]
    return taken[of_image]
