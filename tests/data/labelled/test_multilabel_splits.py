import numpy as np
import pytest

from kclip.data.labelled.multilabel_split import sample_split
from kclip.errors import UserError

RATIOS = (0.02, 0.05, 0.1, 0.2, 0.7)


@pytest.fixture(scope="module")
def labels():
    """2,000 images of 12 classes, from 25 to about 700 images a class, some without any."""
    rng = np.random.default_rng(7)
    matrix = rng.random((2000, 12)) < np.geomspace(0.02, 0.35, 12)
    matrix[:25, 0] = True
    return matrix.astype(np.uint8)


@pytest.fixture(scope="module")
def names():
    return [f"class {number}" for number in range(12)]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("ratio", [*RATIOS, 0.3, 1.0])
def test_every_image_is_on_one_side_and_classes_keep_their_share(labels, names, ratio, seed):
    split = sample_split(labels, names, ratio, seed)
    both = np.concatenate([split.train, split.test])
    np.testing.assert_array_equal(np.sort(both), np.arange(2000))
    assert np.all(np.diff(split.train) > 0)
    assert np.all(np.diff(split.test) > 0)
    assert abs(len(split.train) - ratio * 2000) <= max(6, 0.02 * ratio * 2000)
    deviations = np.abs(labels[split.train].sum(axis=0) - ratio * labels.sum(axis=0))
    assert deviations.max() <= 4  # images; a plain random draw is off by up to 25 at ratio 0.7
    assert deviations.mean() <= 1


def test_a_plain_random_draw_would_not_do(labels):
    drawn = np.random.default_rng(0).permutation(2000)[:1400]
    deviations = np.abs(labels[drawn].sum(axis=0) - 0.7 * labels.sum(axis=0))
    assert deviations.max() > 4
    assert deviations.mean() > 1


def test_training_sets_lie_in_the_greater_ones(labels, names):
    sets = [set(sample_split(labels, names, ratio, 3).train) for ratio in (*RATIOS, 0.9, 1.0)]
    for smaller, greater in zip(sets, sets[1:], strict=False):
        assert smaller < greater
    assert set(sample_split(labels, names, 0.3, 3).train) < sets[4]


def test_the_seed_alone_decides(labels, names):
    first, again, other = (sample_split(labels, names, 0.1, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.train, again.train)
    assert set(first.train) != set(other.train)


def test_classes_without_a_training_image_are_named(names):
    labels = np.zeros((100, 12), np.uint8)
    labels[:, 1:] = np.random.default_rng(0).random((100, 11)) < 0.5
    labels[7, 0] = 1
    split = sample_split(labels, names, 0.1, 0)
    assert split.classes_without_positive == ("class 0",)
    assert not labels[split.train, 0].any()
    assert labels[split.train, 1:].any(axis=0).all()
    with pytest.raises(UserError, match=r"leaves 1 of the 12 classes .* \('class 0'\); give a gr"):
        sample_split(labels, names, 0.1, 0, every_class=True)
    assert sample_split(labels, names, 1.0, 0, every_class=True).classes_without_positive == ()


def test_mistakes(labels, names):
    with pytest.raises(UserError, match=r"the shape \(2000, 12\) and there are 3 class names"):
        sample_split(labels, names[:3], 0.1, 0)
    with pytest.raises(UserError, match="C at least 2"):
        sample_split(labels[:, :1], names[:1], 0.1, 0)
    for ratio in (0.0, 1.5, float("nan")):
        with pytest.raises(UserError, match="the ratio is"):
            sample_split(labels, names, ratio, 0)
    with pytest.raises(UserError, match="the seed is -1"):
        sample_split(labels, names, 0.1, -1)
    with pytest.raises(UserError, match=r"ratio 0.02 of 20 images is none"):
        sample_split(labels[:20], names, 0.02, 0)
