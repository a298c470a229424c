import numpy as np

from kclip.data.copies.groups import copy_groups, take_groups
from kclip.data.copies.search import NEARLY, CopyPair


def test_groups_join_copies_of_copies():
    pairs = [CopyPair(1, 4, NEARLY), CopyPair(2, 3, NEARLY), CopyPair(3, 4, NEARLY)]
    assert copy_groups(6, pairs).tolist() == [0, 1, 1, 1, 1, 5]
    assert copy_groups(2, []).tolist() == [0, 1]


def test_groups_are_taken_whole_and_in_order():
    groups = np.random.default_rng(0).integers(0, 30, 60)
    for count in range(61):
        taken = take_groups(groups, count)
        assert set(groups[taken]).isdisjoint(groups[~taken])
        assert taken.sum() <= count
        if count - taken.sum():  # then nothing that is left would have fitted
            left = np.bincount(groups[~taken])
            assert left[left > 0].min() > count - taken.sum()


def test_without_copies_the_first_are_taken():
    assert take_groups([5, 4, 3, 2], 2).tolist() == [True, True, False, False]
