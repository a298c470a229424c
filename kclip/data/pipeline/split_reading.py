"""Whole splits of TFRecords, read in the order of their files."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any

import tensorflow as tf

from kclip.data.image_record import ImageRecord
from kclip.data.images.freed_memory import keep_freed_memory
from kclip.data.records import schema
from kclip.data.records.writer import SplitFiles

CORES = os.cpu_count() or 1


def image_batches(
    split: SplitFiles, resize: Callable[[Any], Any], batch_size: int
) -> tf.data.Dataset:
    """All images of a split in the order of its files, float32 (B, S, S, 3), the last batch too."""

    def load(serialized: tf.Tensor) -> tf.Tensor:
        return resize(decode_image(schema.parse(serialized)["image"]))

    keep_freed_memory()
    records = tf.data.TFRecordDataset([str(path) for path in split.files])
    return without_autotuning(records.map(load, CORES).batch(batch_size).prefetch(1))


def iterate_texts(split: SplitFiles) -> Iterator[tuple[int, str, list[str]]]:
    """Sibling id, file name and captions of each image, in the order of the files."""
    for record in _records(split, ("sibling_id", "file_name", "captions")):
        captions = [caption.decode() for caption in record["captions"]]
        yield int(record["sibling_id"]), record["file_name"].decode(), captions


def iterate_labels(split: SplitFiles) -> Iterator[tuple[str, list[str]]]:
    """Id and labels of each image, in the order of the files."""
    for record in _records(split, ("id", "labels")):
        yield record["id"].decode(), [label.decode() for label in record["labels"]]


def iterate_ignored_labels(split: SplitFiles) -> Iterator[tuple[str, list[str]]]:
    """Id and ignored labels of each image, in the order of the files; most have none.

    An image of which nothing is known has `image_record.UNKNOWN` as its one ignored label.
    """
    for record in _records(split, ("id", "ignored_labels")):
        yield record["id"].decode(), [label.decode() for label in record["ignored_labels"]]


def iterate_images(split: SplitFiles) -> Iterator[ImageRecord]:
    """Every image of a split with its labels, without captions, in the order of the files."""
    for record in _records(split, ("id", "file_name", "image", "labels", "ignored_labels")):
        labels, ignored = (
            tuple(label.decode() for label in record[key]) for key in ("labels", "ignored_labels")
        )
        names = (record[key].decode() for key in ("id", "file_name"))
        yield ImageRecord(*names, record["image"], labels=labels, ignored_labels=ignored)


def shown_names(split: SplitFiles) -> list[str]:
    """What reports call the images of a split, in the order of the files.

    It is the file name, with the id after it where several images have that name.
    """
    pairs = [
        (record["file_name"].decode(), record["id"].decode())
        for record in _records(split, ("file_name", "id"))
    ]
    counts = Counter(name for name, _ in pairs)
    return [name if counts[name] == 1 else f"{name} ({id_})" for name, id_ in pairs]


def encoded_images(split: SplitFiles, names: Collection[str]) -> dict[str, bytes]:
    """The stored bytes of some of a split's images, by the names that `shown_names` gives them."""
    wanted = set(names)
    pairs = zip(shown_names(split), _records(split, ("image",)), strict=True)
    return {name: record["image"] for name, record in pairs if name in wanted}


def decode_image(encoded: tf.Tensor) -> tf.Tensor:
    """From JPEG or PNG bytes to a uint8 tensor (H, W, 3), to the same pixels as Pillow."""
    # TensorFlow's default is a faster transform whose pixels differ by up to 5, and by 1 on
    # average: a model then sees other images in training than when it is used.
    image = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")
    image.set_shape((None, None, 3))
    return image


def sibling_id(ids: tf.Tensor) -> tf.Tensor:
    """From the ids of images, strings, to numbers that are equal for captions of one image."""
    # Ids only need to differ within a batch: a hash of 31 bits does that without a table.
    return tf.cast(tf.strings.to_hash_bucket_fast(ids, 2**31 - 1), tf.int32)


def without_autotuning(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same dataset with the parallelism that it was given.

    The thread that tunes it holds up the end of some epochs by a second (TensorFlow 2.21).
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _records(split: SplitFiles, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    def parse(serialized: tf.Tensor) -> dict[str, Any]:
        record = schema.parse(serialized)
        record["sibling_id"] = sibling_id(record["id"])
        return {name: record[name] for name in names}

    files = [str(path) for path in split.files]
    records: Any = without_autotuning(tf.data.TFRecordDataset(files).map(parse, CORES))
    yield from records.as_numpy_iterator()


def num_captions(split: SplitFiles) -> int:
    """Captions of all images of a split together."""
    return sum(len(captions) for _, _, captions in iterate_texts(split))
