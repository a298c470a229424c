import numpy as np
import pytest

from kclip.features import SplitFeatures
from kclip.training.dual_encoder.cached_batches import CachedBatches

NUM_IMAGES, BATCH, EXTRA = 12, 4, 3


class CountedPairs:
    """Pairs that show what they were drawn with."""

    def draw(self, count, rng):
        drawn = rng.integers(1000, size=count)
        values = np.repeat(drawn[:, None], 2, axis=1).astype(np.float32)
        return {"image_features": values, "text_features": -values}, (-1 - drawn).astype(np.int32)


@pytest.fixture
def features():
    values = np.arange(NUM_IMAGES, dtype=np.float32)
    return SplitFeatures(
        image_features=np.stack([values, values], axis=1)[None],
        text={"text_features": np.stack([values, values], axis=1)},
        caption_offsets=np.arange(NUM_IMAGES + 1),
        ids=np.arange(NUM_IMAGES, dtype=np.int32),
    )


def epoch(batches):
    return [(x, ids) for x, ids in batches.dataset().as_numpy_iterator()]


def with_pairs(features):
    return CachedBatches(features, BATCH, class_pairs=CountedPairs(), num_class_pairs=EXTRA)


def test_class_pairs_stand_behind_the_batch(features):
    plain = epoch(CachedBatches(features, BATCH))
    joined = epoch(with_pairs(features))
    assert len(joined) == len(plain) == NUM_IMAGES // BATCH
    for (x, ids), (own, own_ids) in zip(joined, plain, strict=True):
        np.testing.assert_array_equal(x["image_features"][:BATCH], own["image_features"])
        np.testing.assert_array_equal(ids[:BATCH], own_ids)
        np.testing.assert_array_equal(x["image_features"][BATCH:, 0], -1 - ids[BATCH:])
        assert ids.shape == (BATCH + EXTRA,) and (ids[BATCH:] < 0).all()


def test_an_epoch_that_goes_on_draws_what_it_would_have_drawn(features):
    batches = with_pairs(features)
    whole = epoch(batches)
    batches.set_position(0, 1)
    for (x, ids), (expected, expected_ids) in zip(epoch(batches), whole[1:], strict=True):
        np.testing.assert_array_equal(ids, expected_ids)
        np.testing.assert_array_equal(x["text_features"], expected["text_features"])


def test_each_batch_and_each_epoch_draws_others(features):
    batches = with_pairs(features)
    drawn = [tuple(ids[BATCH:]) for _, ids in epoch(batches)]
    batches.set_position(1)
    drawn += [tuple(ids[BATCH:]) for _, ids in epoch(batches)]
    assert len(set(drawn)) == len(drawn)
