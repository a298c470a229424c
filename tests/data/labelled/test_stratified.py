import numpy as np
import pytest

from kclip.data.labelled.stratified import sample_fraction
from kclip.errors import UserError

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [10, 20, 40]))


def test_each_class_is_parted_alike_and_nothing_is_lost():
    drawn, rest = sample_fraction(LABELS, 0.3, seed=0)
    assert np.bincount(LABELS[drawn]).tolist() == [3, 6, 12]
    assert sorted([*drawn, *rest]) == list(range(70))
    assert drawn.tolist() == sorted(drawn)


def test_the_seed_alone_decides():
    first, second, other = (sample_fraction(LABELS, 0.3, seed)[0].tolist() for seed in (0, 0, 1))
    assert first == second != other


@pytest.mark.parametrize("share", [0.0, 1.0, 0.01, -1, 2])
def test_a_side_without_images(share):
    with pytest.raises(UserError, match=f"--train-fraction {share} of a class of 10 images"):
        sample_fraction(LABELS, share, 0, "--train-fraction")


def test_tiny_classes_where_not_every_class_must_be_drawn():
    labels = np.repeat([0, 1, 3], [10, 20, 1])
    drawn, rest = sample_fraction(labels, 0.2, seed=1, every_class=False)
    assert np.bincount(labels[drawn], minlength=4).tolist() == [2, 4, 0, 0]
    assert sorted([*drawn, *rest]) == list(range(31))
    _, rest = sample_fraction(np.array([0, 0, 1, 1]), 0.99, seed=0, every_class=False)
    assert len(rest) == 2  # one of each class
    with pytest.raises(UserError, match="0.2 of 2 images in 2 classes is none"):
        sample_fraction(np.array([0, 1]), 0.2, seed=0, every_class=False)
