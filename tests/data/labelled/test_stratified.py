import numpy as np
import pytest

from kclip.data.labelled.stratified import sample_fraction
from kclip.errors import UserError

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [10, 20, 40]))


def test_each_class_is_parted_alike_and_nothing_is_lost():
    sampled, rest = sample_fraction(LABELS, 0.3, seed=0)
    assert np.bincount(LABELS[sampled]).tolist() == [3, 6, 12]
    assert sorted([*sampled, *rest]) == list(range(70))
    assert sampled.tolist() == sorted(sampled)


def test_the_seed_alone_decides():
    first, second, other = (sample_fraction(LABELS, 0.3, seed)[0].tolist() for seed in (0, 0, 1))
    assert first == second != other


@pytest.mark.parametrize("fraction", [0.0, 1.0, 0.01, -1, 2])
def test_a_side_without_images(fraction):
    with pytest.raises(UserError, match=f"--train-fraction {fraction} of a class of 10 images"):
        sample_fraction(LABELS, fraction, 0, "--train-fraction")


def test_tiny_classes_where_not_every_class_must_be_sampled():
    labels = np.repeat([0, 1, 3], [10, 20, 1])
    sampled, rest = sample_fraction(labels, 0.2, seed=1, every_class=False)
    assert np.bincount(labels[sampled], minlength=4).tolist() == [2, 4, 0, 0]
    assert sorted([*sampled, *rest]) == list(range(31))
    _, rest = sample_fraction(np.array([0, 0, 1, 1]), 0.99, seed=0, every_class=False)
    assert len(rest) == 2  # one of each class
    with pytest.raises(UserError, match="0.2 of 2 images in 2 classes is none"):
        sample_fraction(np.array([0, 1]), 0.2, seed=0, every_class=False)


def test_copies_go_to_one_side_whatever_their_class():
    labels = np.repeat([0, 1], 40)
    # Pairs of copies within a class, and one group that lies in both classes.
    groups = np.arange(80) // 2
    groups[[3, 50]] = 99
    for seed in range(5):
        sampled, rest = sample_fraction(labels, 0.25, seed, groups=groups)
        assert not set(groups[sampled]) & set(groups[rest])
        assert sorted([*sampled, *rest]) == list(range(80))
        assert all(abs(count - 10) <= 1 for count in np.bincount(labels[sampled]))


def test_groups_of_one_change_nothing():
    plain = sample_fraction(LABELS, 0.3, seed=4)
    grouped = sample_fraction(LABELS, 0.3, seed=4, groups=np.arange(70)[::-1])
    assert all((a == b).all() for a, b in zip(plain, grouped, strict=True))


def test_a_class_of_copies_alone():
    groups = np.array([0, 0, 0, 0, 4, 5, 6, 7])
    with pytest.raises(UserError, match="its images are copies of each other"):
        sample_fraction(np.repeat([0, 1], 4), 0.5, seed=0, groups=groups)
