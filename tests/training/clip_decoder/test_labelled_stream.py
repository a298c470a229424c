import numpy as np
import pytest
from decoder_run import SEEN, write_labelled_records

from kclip.data.labelled.label_matrix import label_matrix
from kclip.data.pipeline.split_reading import image_batches, iterate_labels
from kclip.data.pipeline.streamed_batches import InputFunctions
from kclip.data.records.writer import open_split
from kclip.multilabel.queries.label_sentences import LabelSets
from kclip.training.clip_decoder.label_targets import LabelTargets
from kclip.training.clip_decoder.labelled_stream import LabelledStream
from kclip.training.clip_decoder.map_batches import MapBatches


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return open_split(write_labelled_records(tmp_path_factory.mktemp("labelled")), "train")


@pytest.fixture(scope="module")
def targets(split):
    labels = label_matrix((labels for _, labels in iterate_labels(split)), SEEN)
    sets = LabelSets.of_images(labels)
    texts = np.random.default_rng(0).normal(size=(len(sets.members), 3)).astype("float32")
    return LabelTargets(labels, sets.ids, texts)


def streamed(split, targets):
    return LabelledStream(split, InputFunctions(lambda image: image), targets, 8, seed=3)


def batches_of(batches, epoch, first_batch=0):
    batches.set_position(epoch, first_batch)
    return list(batches.dataset().as_numpy_iterator())


def test_each_image_comes_once_with_its_own_labels_and_text(split, targets):
    images = np.concatenate(list(image_batches(split, lambda i: i, 8).as_numpy_iterator()))
    rows = {image.tobytes(): row for row, image in enumerate(images)}
    seen = []
    for batch, wanted in batches_of(streamed(split, targets), epoch=1):
        found = [rows[image.astype(images.dtype).tobytes()] for image in batch]
        assert np.array_equal(wanted["labels"], targets.labels[found])
        assert np.array_equal(wanted["ids"], targets.ids[found])
        labelled = targets.ids[found] >= 0
        texts = targets.text_embeddings[targets.ids[found][labelled]]
        assert np.array_equal(wanted["text_embeddings"][labelled], texts)
        seen += found
    assert sorted(seen) == list(range(40)) and seen != sorted(seen)


def outputs_of(targets, views=2):
    """Outputs that hold the number of their image, and of their view after the point."""
    numbers = np.arange(40) + 0.25 * np.arange(views)[:, None]
    maps = np.broadcast_to(numbers[:, :, None, None, None], (views, 40, 2, 2, 3))
    features = np.broadcast_to(numbers[:, :, None], (views, 40, 5))
    return {"features": features.astype("float32"), "spatial_map": maps.astype("float16")}


@pytest.mark.parametrize("kind", ["maps", "stream"])
def test_an_epoch_goes_on_from_any_batch_and_the_next_is_another(split, targets, kind):
    batches = MapBatches(outputs_of(targets), targets, 8, seed=3)
    if kind == "stream":
        batches = streamed(split, targets)
    assert batches.batches_per_epoch == 5
    whole, rest = batches_of(batches, 2), batches_of(batches, 2, first_batch=3)
    for (inputs, wanted), (ours, our_wanted) in zip(whole[3:], rest, strict=True):
        assert np.array_equal(numbers_of(inputs), numbers_of(ours))
        assert all(np.array_equal(wanted[name], our_wanted[name]) for name in wanted)
    next_epoch = batches_of(batches, 3)[0][0]
    assert not np.array_equal(numbers_of(next_epoch), numbers_of(whole[0][0]))


def numbers_of(inputs):
    """What tells images apart: their pixels, or what `outputs_of` wrote into their maps."""
    return inputs["spatial_map"] if isinstance(inputs, dict) else inputs


def test_maps_come_with_their_labels_in_both_views(targets):
    views = set()
    for outputs, wanted in batches_of(MapBatches(outputs_of(targets), targets, 8), 0):
        maps, features = outputs["spatial_map"], outputs["features"]
        assert np.array_equal(features[:, 0], maps[:, 0, 0, 0])
        assert maps.dtype == np.float16 and maps.shape == (8, 2, 2, 3)
        rows = np.floor(maps[:, 0, 0, 0]).astype(int)
        views |= set(maps[:, 0, 0, 0] - rows)
        assert np.array_equal(wanted["labels"], targets.labels[rows])
    assert views == {0.0, 0.25}


def test_maps_of_chosen_images_alone(targets):
    rows = np.array([3, 5, 8, 13, 21, 34])
    batches = MapBatches(outputs_of(targets, views=1), targets, 2, rows)
    found = [outputs["features"][:, 0] for outputs, _ in batches_of(batches, 0)]
    assert sorted(np.concatenate(found).astype(int).tolist()) == rows.tolist()


@pytest.mark.parametrize("aligned", [True, False])
def test_what_counts_comes_with_the_labels(split, targets, aligned):
    valid_mask = np.random.default_rng(1).random(targets.labels.shape) < 0.7
    texts = targets.text_embeddings if aligned else None
    some = LabelTargets(targets.labels, targets.ids, texts, valid_mask)
    for batches in (streamed(split, some), MapBatches(outputs_of(some), some, 8)):
        of_epoch = [wanted for _, wanted in batches_of(batches, 0)]
        found = {
            (labels.tobytes(), row.tobytes())
            for wanted in of_epoch
            for labels, row in zip(wanted["labels"], wanted["valid_mask"], strict=True)
        }
        rows = zip(targets.labels, valid_mask, strict=True)
        assert found == {(labels.tobytes(), row.tobytes()) for labels, row in rows}
        assert ("ids" in of_epoch[0]) == aligned


def test_without_alignment_there_are_labels_alone(split, targets):
    plain = LabelTargets(targets.labels, targets.ids)
    for batches in (streamed(split, plain), MapBatches(outputs_of(plain), plain, 8)):
        assert set(batches_of(batches, 0)[0][1]) == {"labels"}
