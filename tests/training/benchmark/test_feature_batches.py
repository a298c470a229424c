import numpy as np

from kclip.evaluation.benchmark.frozen_features import FrozenFeatures
from kclip.training.benchmark.feature_batches import FeatureBatches, Statistics


def features(images=7, views=2):
    rng = np.random.default_rng(0)
    maps = rng.normal(3, 2, (views, images, 4, 5)).astype(np.float16)
    embeddings = rng.normal(size=(views, images, 6)).astype(np.float32)
    return FrozenFeatures(maps, maps.astype(np.float32).mean(axis=2), embeddings)


def targets_of(batches, epoch, first_batch=0):
    batches.set_position(epoch, first_batch)
    return [targets for _, targets in batches.dataset().as_numpy_iterator()]


def test_every_row_is_seen_once_an_epoch_in_an_order_of_the_seed():
    labels = np.arange(14).reshape(7, 2)
    rows = np.array([0, 2, 3, 5, 6])
    own = [
        FeatureBatches(features(), "pooled", Statistics(0.0, 1.0), rows, 2, labels, seed)
        for seed in (4, 4, 5)
    ]
    seen = [[targets_of(batches, epoch) for epoch in range(2)] for batches in own]
    for epochs in seen:
        for epoch in epochs:
            assert sorted(row[0] / 2 for batch in epoch for row in batch) == rows.tolist()
    first, again, other = ([np.concatenate(epoch) for epoch in epochs] for epochs in seen)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1]) and not np.array_equal(first[0], other[0])


def test_maps_are_standardised_by_their_channels():
    frozen = features()
    statistics = Statistics.of(frozen, "spatial")
    batches = FeatureBatches(frozen, "spatial", statistics, np.arange(7), 7)
    ((places, embeddings),) = batches.view(0)
    np.testing.assert_allclose(places.mean((0, 1)), 0, atol=1e-3)
    np.testing.assert_allclose(places.std((0, 1)), 1, atol=1e-2)
    np.testing.assert_array_equal(embeddings, frozen.embeddings[0])


def test_from_the_middle_of_an_epoch_the_rest_is_the_same():
    labels = np.arange(14).reshape(7, 2)
    batches = FeatureBatches(
        features(), "spatial", Statistics(0.0, 1.0), np.arange(7), 2, labels, seed=3
    )
    whole = targets_of(batches, 1)
    for ours, theirs in zip(targets_of(batches, 1, first_batch=2), whole[2:], strict=True):
        np.testing.assert_array_equal(ours, theirs)
