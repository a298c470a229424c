import numpy as np

from kclip.data.pipeline.keyed_random import keyed_seed, keyed_uniforms

MODULUS, GOLDEN = 2**64, 0x9E3779B97F4A7C15


def mixed(state):
    """SplitMix64 in Python's whole numbers."""
    state = (state + GOLDEN) % MODULUS
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % MODULUS
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % MODULUS
    return state ^ (state >> 31)


def test_the_numbers_are_those_of_the_slow_loop():
    ids, seed, epoch = [7, 11, 2**31 - 2], 3, 5
    expected = [
        [
            (mixed((mixed(mixed(mixed(seed) ^ epoch) ^ one) + (k + 1) * GOLDEN) % MODULUS) >> 40)
            / 2**24
            for k in range(4)
        ]
        for one in ids
    ]
    np.testing.assert_array_equal(np.asarray(keyed_uniforms(seed, epoch, ids, 4)), expected)


def test_they_are_spread_over_the_unit_interval_and_unrelated():
    numbers = np.asarray(keyed_uniforms(0, 0, np.arange(4000), 3))
    assert numbers.min() >= 0 and numbers.max() < 1
    np.testing.assert_allclose(numbers.mean(axis=0), 0.5, atol=0.02)
    np.testing.assert_allclose(numbers.std(axis=0), 12**-0.5, atol=0.02)
    assert np.abs(np.corrcoef(numbers.T) - np.eye(3)).max() < 0.06


def test_no_seed_has_another_ones_epochs():
    seeds = {int(keyed_seed(seed, epoch)) for seed in range(20) for epoch in range(20)}
    assert len(seeds) == 400 and min(seeds) >= 0
