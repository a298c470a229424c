import numpy as np

from kclip.data.copies import near
from kclip.data.copies.groups import copy_groups
from kclip.data.copies.near import near_pairs, spanning_pairs
from kclip.data.copies.search import NEARLY, CopyPair


def random_walk(count: int, step: int, seed: int = 0) -> np.ndarray:
    """(count, 4) uint64, each row some random bits away from the one before, like a film."""
    rng = np.random.default_rng(seed)
    bits = np.zeros((count, 256), np.uint8)
    for row in range(1, count):
        bits[row] = bits[row - 1]
        bits[row, rng.choice(256, step, replace=False)] ^= 1
    return np.packbits(bits, axis=1).view(np.uint64)


def groups(pairs: np.ndarray, count: int) -> list[int]:
    return copy_groups(count, [CopyPair(i, j, NEARLY) for i, j, _ in pairs.T.tolist()]).tolist()


def nearest(pairs: np.ndarray, count: int) -> list[int]:
    found = np.full(count, 999)
    for ends in pairs[:2]:
        np.minimum.at(found, ends, pairs[2])
    return found.tolist()


def test_films_of_many_pairs_keep_their_groups_and_nearest_copies(monkeypatch):
    # Two films of 60 and 40 frames and one image alone.
    hashes = np.concatenate([random_walk(60, 9), ~random_walk(40, 7, seed=1)])
    hashes = np.concatenate([hashes, random_walk(30, 60, seed=2)[-1:]])
    every = near_pairs(hashes, hashes, 56, lambda i, j: i >= 0)
    for name, value in (("_MANY", 50), ("_ROWS", 16), ("_COLUMNS", 32), ("_AT_ONCE", 20)):
        monkeypatch.setattr(near, name, value)
    kept = near_pairs(hashes, hashes, 56, lambda i, j: i >= 0)
    assert every.shape[1] > 300 > 150 > kept.shape[1] >= 98
    assert groups(kept, 101) == groups(every, 101)
    assert len(set(groups(every, 101))) == 3
    assert nearest(kept, 101) == nearest(every, 101)


def test_what_is_no_copy_on_a_closer_look_is_left_out():
    hashes = random_walk(20, 3)
    even = near_pairs(hashes, hashes, 56, lambda i, j: (i % 2 == 0) & (j % 2 == 0))
    assert set((even[:2] % 2).ravel().tolist()) == {0} and even.shape[1] == 45


def test_pairs_of_no_differing_bit_are_links_too():
    pairs = np.array([[0, 0, 1], [1, 2, 2], [0, 0, 0]])
    assert spanning_pairs(pairs, 4).shape == (3, 2)
    assert spanning_pairs(np.zeros((3, 0), np.int64), 4).shape == (3, 0)
