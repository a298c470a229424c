from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from image_files import noise_png

from kclip.data.image_record import ImageRecord
from kclip.data.labelled.multilabel_reading import read_labelled_split
from kclip.data.pipeline.augmentation import build_augmentation
from kclip.data.pipeline.split_reading import (
    encoded_images,
    image_batches,
    iterate_labels,
    iterate_texts,
    shown_names,
)
from kclip.data.pipeline.streamed_batches import InputFunctions, StreamedBatches, caption_number
from kclip.data.records.encoding import Encoding
from kclip.data.records.metadata import write_metadata
from kclip.data.records.writer import build_shards, open_split

COUNT = 30


def write_split(folder, *heights):
    """Thirty pictures of noise, 16 pixels wide, with two captions each, in five shards."""
    pictures = [noise_png(i, heights[i * len(heights) // COUNT]) for i in range(COUNT)]
    records = [
        ImageRecord(str(i), f"{i:03d}.png", picture, (f"noise {i}", f"more noise {i}"))
        for i, picture in enumerate(pictures)
    ]
    write_metadata(
        folder, build_shards({"train": records}, folder, Encoding(), {"train": 5}, 1, {}).shards
    )
    return open_split(folder, "train")


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return write_split(tmp_path_factory.mktemp("records"), 12)


def resize(image):
    return tf.image.resize(image, (8, 8))


def tokenize(texts):
    return {"text": texts}


def batches(split, functions=None, **options):
    functions = functions or InputFunctions(resize, tokenize)
    return StreamedBatches(split, functions, batch_size=4, **options)


def read(stream, epoch=0, first_batch=0):
    """The captions and ids of an epoch, batch by batch."""
    stream.set_position(epoch, first_batch)
    return [
        ([text.decode() for text in x["text"].tolist()], ids.tolist())
        for x, ids in stream.dataset().as_numpy_iterator()
    ]


def captions_of(epoch_batches):
    return [caption for captions, _ in epoch_batches for caption in captions]


def test_each_epoch_shows_every_image_once_with_one_of_its_captions(split):
    stream = batches(split, drop_remainder=False)
    seen = [captions_of(read(stream, epoch)) for epoch in range(2)]
    numbers = [Counter(caption.split()[-1] for caption in epoch) for epoch in seen]
    assert numbers[0] == numbers[1] == {str(number): 1 for number in range(COUNT)}
    # Two captions an image, so two epochs show all of them.
    assert len(set(seen[0]) | set(seen[1])) == 2 * COUNT


def test_expanded_epochs_show_every_pair(split):
    stream = batches(split, captions="expand", drop_remainder=False)
    shown = read(stream)
    assert Counter(captions_of(shown)) == {
        f"{word} {i}": 1 for i in range(COUNT) for word in ("noise", "more noise")
    }
    by_image = {}
    for captions, ids in shown:
        for caption, image_id in zip(captions, ids, strict=True):
            by_image.setdefault(caption.split()[-1], set()).add(image_id)
    assert all(len(ids) == 1 for ids in by_image.values())  # siblings share an id
    assert len(set.union(*by_image.values())) == COUNT  # others do not


def test_the_order_depends_on_seed_and_epoch_alone(split):
    first = read(batches(split, seed=3), epoch=1)
    again = batches(split, seed=3)
    read(again, epoch=0)
    assert read(again, epoch=1) == first
    assert read(batches(split, seed=3), epoch=2) != first
    assert read(batches(split, seed=4), epoch=1) != first


def test_the_order_mixes_shards(split):
    files = [caption.split()[-1] for caption in captions_of(read(batches(split)))]
    stored = [name.removesuffix(".png").lstrip("0") or "0" for _, name, _ in iterate_texts(split)]
    shard_of = {number: position // 6 for position, number in enumerate(stored)}
    first_half = {shard_of[number] for number in files[:14]}
    assert first_half == set(range(5))


@pytest.mark.parametrize("captions", ["sample", "expand"])
def test_an_epoch_goes_on_from_any_of_its_batches(split, captions):
    stream = batches(split, captions=captions, seed=1)
    whole = read(stream, epoch=2)
    assert len(whole) == stream.batches_per_epoch
    for first_batch in (1, 5):
        assert read(stream, 2, first_batch) == whole[first_batch:]


def test_batches_know_their_number_and_shapes(split):
    stream = batches(split)
    dataset = stream.dataset()
    assert int(dataset.cardinality()) == stream.batches_per_epoch == COUNT // 4
    x, ids = next(dataset.as_numpy_iterator())
    assert x["image"].shape == (4, 8, 8, 3) and x["image"].dtype == np.float32
    assert ids.shape == (4,) and ids.dtype == np.int32
    assert batches(split, drop_remainder=False).batches_per_epoch == 8


def test_unordered_reading_shows_the_same_samples(split):
    shown = captions_of(read(batches(split, deterministic=False, drop_remainder=False)))
    assert Counter(shown) == Counter(captions_of(read(batches(split, drop_remainder=False))))


def test_records_are_known_by_their_ids(tmp_path):
    names = [
        "a.png",
        "a.png",
        "b.png",
        "a.png",
        "b.png",
        "c.png",
        "d.png",
        "a.png",
        "e.png",
        "f.png",
    ]
    records = [
        ImageRecord(str(i), name, noise_png(i), labels=(f"class {i}",))
        for i, name in enumerate(names)
    ]
    write_metadata(
        tmp_path, build_shards({"test": records}, tmp_path, Encoding(), {}, 1, {}).shards
    )
    split = open_split(tmp_path, "test")
    assert dict(iterate_labels(split)) == {str(i): [f"class {i}"] for i in range(10)}
    shown = shown_names(split)
    assert shown[:3] == ["a.png (0)", "a.png (1)", "b.png (2)"] and shown[-1] == "f.png"
    stored = encoded_images(split, shown[1:])
    assert list(stored.values()) == [noise_png(i) for i in range(1, 10)]
    images = read_labelled_split(tmp_path, "test")
    assert [record.id for record in images.records] == list("0123456789")
    assert [record.image for record in images.records] == [noise_png(i) for i in range(10)]


def test_images_come_in_file_order_with_their_captions(split):
    names = [name for _, name, _ in iterate_texts(split)]
    stored = encoded_images(split, names)
    expected = [resize(tf.io.decode_image(stored[name], channels=3)) for name in names]
    images = np.concatenate(list(image_batches(split, resize, 7).as_numpy_iterator()))
    np.testing.assert_array_equal(images, np.stack(expected))


def test_pictures_of_the_models_size_stay_bytes_and_others_among_them_are_rounded(tmp_path):
    values = tf.constant(4 * [-3.0, 0.6, 254.7, 300.0])
    image = tf.broadcast_to(values[:, None], (16, 16, 3))
    functions = InputFunctions(lambda _: image, tokenize, image_size=16)
    stream = batches(write_split(tmp_path, 16, 12), functions, shuffle=False)
    shown = [x["image"] for x, _ in stream.dataset().as_numpy_iterator()]
    assert all(images.dtype == np.uint8 for images in shown)
    assert shown[-1][0, 0, :, 0].tolist() == 4 * [0, 1, 255, 255]


@pytest.mark.parametrize("height", [16, 12])
def test_pictures_of_the_models_size_are_not_resized(tmp_path, height):
    """A wrong resizing shows which pictures went through it: those of 12 x 16, not of 16 x 16."""
    split = write_split(tmp_path, height)
    black = InputFunctions(lambda image: tf.zeros((16, 16, 3)), tokenize, image_size=16)
    shown = [x["image"] for x, _ in batches(split, black, shuffle=False).dataset()]
    assert all(images.shape == (4, 16, 16, 3) for images in shown)
    stored = encoded_images(split, shown_names(split))
    decoded = [tf.io.decode_image(data, channels=3).numpy() for data in stored.values()]
    expected = np.stack(decoded)[:28] if height == 16 else np.zeros((28, 16, 16, 3))
    np.testing.assert_array_equal(np.concatenate(shown), expected)


def test_captions_take_turns():
    numbers = [caption_number(image_id=11, epoch=epoch, num_captions=5) for epoch in range(10)]
    assert numbers == [1, 2, 3, 4, 0, 1, 2, 3, 4, 0]


@pytest.mark.parametrize("name", ["flip", "crop", "randaugment"])
def test_augmentation_changes_pictures_and_keeps_their_form(split, name):
    augmented = InputFunctions(resize, tokenize, build_augmentation(name, seed=0))
    images, plain = (
        np.concatenate([x["image"] for x, _ in stream.dataset().as_numpy_iterator()])
        for stream in (batches(split, augmented), batches(split))
    )
    assert images.shape == plain.shape
    assert images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 255
    changed = np.abs(images - plain).max(axis=(1, 2, 3)) > 1
    assert changed.mean() > 0.2
    if name == "flip":
        mirrored = np.abs(images - plain[:, :, ::-1]).max(axis=(1, 2, 3)) < 1e-3
        np.testing.assert_array_equal(mirrored, changed)


def test_no_augmentation_is_no_function():
    assert build_augmentation("none", seed=0) is None


@pytest.mark.parametrize("name", ["flip", "shrink", "crop", "randaugment"])
def test_augmented_epochs_are_the_same_again_and_from_their_middle(split, name):
    """So equal runs, and a run that was stopped and resumed, train on the same numbers."""

    def images(stream, first_batch=0):
        stream.set_position(2, first_batch)
        return [batch["image"] for batch, _ in stream.dataset().as_numpy_iterator()]

    streams = [
        batches(split, InputFunctions(resize, tokenize, build_augmentation(name, seed=5)), seed=5)
        for _ in range(2)
    ]
    whole = images(streams[0])
    for ours, theirs in zip(images(streams[1], first_batch=3), whole[3:], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_seed_has_not_the_order_of_another_seeds_next_epoch(tmp_path):
    records = [ImageRecord(str(i), f"{i}.png", noise_png(i), (f"noise {i}",)) for i in range(40)]
    shards = build_shards({"train": records}, tmp_path, Encoding(), {"train": 1}, 1, {}).shards
    write_metadata(tmp_path, shards)
    one_shard = open_split(tmp_path, "train")
    assert read(batches(one_shard, seed=1), epoch=0) != read(batches(one_shard, seed=0), epoch=1)
