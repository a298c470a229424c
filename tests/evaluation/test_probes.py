import numpy as np
import pytest

from kclip.errors import UserError
from kclip.evaluation.probes import STRENGTHS, fit_probe, sample_shots
from kclip.metrics.similarity import l2_normalize

NAMES = ["cat", "dog", "fox"]


def clusters(per_class, noise=0.1, dim=8, seed=0):
    """Unit vectors around one axis a class."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), per_class)
    return l2_normalize(np.eye(dim)[labels] + rng.normal(0, noise, (len(labels), dim))), labels


@pytest.mark.parametrize("per_class", [1, 2, 20])
def test_separable_embeddings_are_told_apart(per_class):
    probe = fit_probe(*clusters(per_class), NAMES)
    embeddings, labels = clusters(30, seed=1)
    assert (probe.predict(embeddings) == labels).all()
    assert probe.predict_proba(embeddings).shape == (90, 3)


def test_noise_asks_for_stronger_regularisation_than_signal():
    rng = np.random.default_rng(0)
    noise = l2_normalize(rng.normal(size=(90, 40)))
    labels = np.repeat(np.arange(3), 30)
    first = (labels == 0).astype(int)
    wavy = np.where(np.arange(90) % 10, first, 1 - first)  # a tenth of the labels is wrong
    signal = l2_normalize(noise + 0.5 * np.eye(40)[labels])
    assert fit_probe(signal, wavy, NAMES[:2]).C < STRENGTHS[-1]


def test_copies_do_not_choose_the_strength():
    """What a copy in another fold gives away looks like signal, however noisy the labels are."""
    rng = np.random.default_rng(0)
    noise, labels = l2_normalize(rng.normal(size=(60, 40))), np.repeat([0, 1], 30)
    labels = rng.permutation(labels)
    alone = fit_probe(noise, labels, NAMES[:2])
    doubled = np.concatenate([noise, noise]), np.concatenate([labels, labels])
    distinct = np.arange(120) < 60
    assert fit_probe(*doubled, NAMES[:2], distinct=distinct).C == alone.C < STRENGTHS[-1]
    assert fit_probe(*doubled, NAMES[:2]).C == STRENGTHS[-1]


def test_the_same_seed_gives_the_same_probe():
    embeddings, labels = clusters(3, noise=0.3)
    first, second = (fit_probe(embeddings, labels, NAMES, seed=5) for _ in range(2))
    assert np.array_equal(first.coef_, second.coef_)


def test_shots_are_balanced_nested_and_drawn_by_seed():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(3), 20))
    drawn = dict(sample_shots(labels, NAMES, (1, 4, 16), seed=0))
    for k, rows in drawn.items():
        assert np.bincount(labels[rows]).tolist() == [k] * 3
        assert len(set(rows)) == 3 * k
    assert set(drawn[1]) < set(drawn[4]) < set(drawn[16])
    others = dict(sample_shots(labels, NAMES, (1, 4, 16), seed=1))
    assert set(others[16]) != set(drawn[16])


def test_more_shots_than_images():
    labels = np.array([0] * 9 + [1] * 5 + [2] * 9)
    with pytest.raises(UserError, match="8 training images a class .* 'dog' has 5; use fewer"):
        next(sample_shots(labels, NAMES, (2, 8), seed=0))


def test_a_class_without_images():
    embeddings, labels = clusters(2)
    with pytest.raises(UserError, match="'fox' has 0"):
        fit_probe(embeddings[labels < 2], labels[labels < 2], NAMES)


def test_a_single_class():
    with pytest.raises(UserError, match=r"at least two classes, got \['cat'\]"):
        fit_probe(np.eye(3), np.zeros(3, int), ["cat"])
