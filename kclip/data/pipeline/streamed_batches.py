"""tf.data over TFRecords: shuffled, decoded, augmented and tokenized batches for training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import tensorflow as tf

from kclip.data.images.freed_memory import keep_freed_memory
from kclip.data.pipeline.augmentation import Augment
from kclip.data.pipeline.keyed_random import keyed_seed
from kclip.data.pipeline.split_reading import (
    CORES,
    decode_image,
    num_captions,
    sibling_id,
    without_autotuning,
)
from kclip.data.records import schema
from kclip.data.records.writer import SplitFiles

Captions = Literal["sample", "expand"]
Batch = dict[str, Any]

READERS = 16  # files read at once; more mixes shards better and costs a file handle each
LOADERS = 2  # batches made at once; the images of each have all cores, so more only take memory


@dataclass(frozen=True)
class InputFunctions:
    """How images and texts become model inputs; in kclip, a `DualEncoderPreprocessor`'s methods.

    Args:
        resize: from one image, uint8 (H, W, 3), to (S, S, 3) in [0, 255]. Runs inside tf.data.
        tokenize: from B strings to a dict of int tensors (B, L). Runs inside tf.data. None where
            there are no texts.
        augment: from (B, S, S, 3) in [0, 255], uint8 or float32, the images' ids (B,) and the
            epoch to the same or to float32; None for none.
        image_size: S, where an image stored at S x S is left alone by `resize`. Batches of such
            images are then made without it and stay bytes, which takes half of the time; None
            if it is not.
    """

    resize: Callable[[Any], Any]
    tokenize: Callable[[Any], Batch] | None = None
    augment: Augment | None = None
    image_size: int | None = None


class StreamedBatches:
    """Training batches straight from the TFRecords of one split.

    Files are read in parallel in an order sampled anew each epoch, records pass a shuffle buffer,
    and images are decoded after that. The order depends on `seed` and the epoch alone, so a run
    that was stopped goes on in the middle of an epoch by `set_position`.

    Args:
        split: the files of a split.
        functions: `InputFunctions`.
        batch_size: int. Images (or pairs, where expanded) a batch.
        captions: "sample" gives each image one caption an epoch, another one in the next, until
            all have been seen; "expand" gives every image-caption pair each epoch (the report).
        shuffle: False keeps the order of the files.
        shuffle_buffer: int. Encoded records that are mixed.
        drop_remainder: True drops the last, smaller batch, which makes shapes static.
        deterministic: False lets tf.data hand out records as they come, which is faster and
            gives up the exact order.
        seed: int.

    Yields (by `dataset()`): pairs of a dict, `image` (B, S, S, 3) and the tokenizer's tensors
    (B, L), and ids, int32 (B,), equal for captions of one image. Images are float32; or, where the
    first record's is stored at the model's size, uint8, unless `augment` makes them float32. That
    is a quarter of the memory to fill and to hand over, and models cast it.
    """

    def __init__(
        self,
        split: SplitFiles,
        functions: InputFunctions,
        batch_size: int,
        captions: Captions = "sample",
        shuffle: bool = True,
        shuffle_buffer: int = 4096,
        drop_remainder: bool = True,
        deterministic: bool = True,
        seed: int = 0,
    ):
        self.split = split
        self.functions = functions
        self.batch_size = batch_size
        self.captions = captions
        self.shuffle_buffer = shuffle_buffer if shuffle else 0
        self.drop_remainder = drop_remainder
        self.deterministic = deterministic
        self.seed = seed
        keep_freed_memory()
        stored = functions.image_size and functions.image_size == _stored_size(split)
        self._image_dtype = tf.uint8 if stored else tf.float32
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._first_batch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.num_samples = split.num_records if captions == "sample" else num_captions(split)
        # The variables are read when iteration starts, so that each epoch sees their new values.
        # The work comes after that: within a flat_map it would take a fifth more time.
        self._dataset = (
            tf.data.Dataset.from_tensors(0)
            .flat_map(lambda _: self._record_batches(self._epoch + 0, self._first_batch + 0))
            .map(self._load, LOADERS, deterministic=deterministic)
        )

    @property
    def batches_per_epoch(self) -> int:
        """Batches from the first to the last of an epoch."""
        return count_batches(self.num_samples, self.batch_size, self.drop_remainder)

    def dataset(self) -> tf.data.Dataset:
        """Batches of one epoch, from the current position on, at each iteration."""
        remaining = self.batches_per_epoch - int(self._first_batch)
        valid_mask = self._dataset.apply(tf.data.experimental.assert_cardinality(remaining))
        return without_autotuning(valid_mask.prefetch(1))

    def set_position(self, epoch: int, first_batch: int = 0) -> None:
        """Says which epoch the next iteration gives, and from which of its batches on.

        A dataset made before with another `first_batch` expects another number of batches.
        """
        self._epoch.assign(epoch)
        self._first_batch.assign(first_batch)

    def _record_batches(self, epoch: tf.Tensor, first_batch: tf.Tensor) -> tf.data.Dataset:
        """Batches of what `_samples` gives, each with the number of the epoch."""
        samples = self._samples(self._serialized(epoch))
        if self.shuffle_buffer:
            # TensorFlow asks in Python whether both seeds are 0, which a tensor cannot answer
            # unless this graph's own seed, the first of the two, has settled it.
            tf.random.set_seed(1)
            samples = samples.shuffle(
                self.shuffle_buffer,
                seed=keyed_seed(self.seed, epoch),
                reshuffle_each_iteration=False,
            )
        samples = samples.skip(first_batch * self.batch_size)
        batches = samples.batch(self.batch_size, drop_remainder=self.drop_remainder)
        return tf.data.Dataset.zip(tf.data.Dataset.from_tensors(epoch).repeat(), batches)

    def _samples(self, records: tf.data.Dataset) -> tf.data.Dataset:
        """What is shuffled: serialized records; with a caption's number each where expanded."""
        return records.flat_map(_expand_captions) if self.captions == "expand" else records

    def _serialized(self, epoch: tf.Tensor) -> tf.data.Dataset:
        files = tf.constant([str(path) for path in self.split.files])
        if not self.shuffle_buffer:
            return tf.data.TFRecordDataset(files)
        files = tf.random.experimental.stateless_shuffle(files, seed=[self.seed, epoch])
        return tf.data.Dataset.from_tensor_slices(files).interleave(
            tf.data.TFRecordDataset,
            cycle_length=READERS,
            num_parallel_calls=CORES,
            deterministic=self.deterministic,
        )

    def _load(self, epoch: tf.Tensor, samples: Any) -> tuple[Any, Any]:
        records, numbers = samples if self.captions == "expand" else (samples, None)
        # Whole batches are parsed: a call for each record would take as long as a third of its
        # decoding.
        batch = schema.parse_batch(records)
        images = self._images(batch)
        images.set_shape((records.shape[0], None, None, 3))
        return self._encode(batch | {"image": images}, epoch, numbers)

    def _images(self, batch: Batch) -> tf.Tensor:
        resize, size = self.functions.resize, self.functions.image_size

        def load(image: tf.Tensor) -> tf.Tensor:
            rounded = self._image_dtype.is_integer
            return tf.saturate_cast(tf.round(image) if rounded else image, self._image_dtype)

        def resized() -> tf.Tensor:
            return _map_in_parallel(lambda data: load(resize(decode_image(data))), batch["image"])

        def as_stored() -> tf.Tensor:
            images = _map_in_parallel(decode_image, batch["image"])
            return tf.cast(tf.reshape(images, (-1, size, size, 3)), self._image_dtype)

        if size is None:
            return resized()
        fits = (batch["height"] == size) & (batch["width"] == size)
        return tf.cond(tf.reduce_all(fits), as_stored, resized)

    def _encode(self, batch: Batch, epoch: tf.Tensor, numbers: tf.Tensor | None) -> tuple[Any, Any]:
        assert self.functions.tokenize is not None
        ids = sibling_id(batch["id"])
        captions = batch["captions"]
        if numbers is None:
            numbers = caption_number(tf.cast(ids, tf.int64), epoch, captions.row_lengths())
        texts = tf.gather(captions.flat_values, captions.row_starts() + numbers)
        return {"image": self._augmented(batch, epoch), **self.functions.tokenize(texts)}, ids

    def _augmented(self, batch: Batch, epoch: tf.Tensor) -> tf.Tensor:
        augment, images = self.functions.augment, batch["image"]
        return images if augment is None else augment(images, sibling_id(batch["id"]), epoch)


def count_batches(num_samples: int, batch_size: int, drop_remainder: bool) -> int:
    """How many batches some samples make."""
    return num_samples // batch_size if drop_remainder else -(-num_samples // batch_size)


def caption_number(image_id: Any, epoch: Any, num_captions: Any) -> Any:
    """Which of an image's captions an epoch shows: each in turn, from another start per image.

    So all are seen equally often, and a cached and a streamed run see the same ones. Takes
    integers, NumPy arrays or tensors.

    Example:
        >>> [caption_number(image_id=7, epoch=epoch, num_captions=3) for epoch in range(4)]
        [1, 2, 0, 1]
    """
    return (image_id + epoch) % num_captions


def _map_in_parallel(function: Callable[[Any], Any], values: tf.Tensor) -> tf.Tensor:
    # A dataset within the map of another: its elements share the cores, those of a loop do not.
    mapped = tf.data.Dataset.from_tensor_slices(values).map(function, CORES)
    return mapped.batch(tf.size(values, out_type=tf.int64)).get_single_element()


def _stored_size(split: SplitFiles) -> int | None:
    """Side of the first record's image, in pixels; None where that is no square."""
    first = tf.data.TFRecordDataset([str(path) for path in split.files]).take(1)
    height, width = next((r["height"], r["width"]) for r in first.map(schema.parse))
    return int(height) if height == width else None


def _expand_captions(serialized: tf.Tensor) -> tf.data.Dataset:
    count = tf.size(schema.parse(serialized)["captions"], out_type=tf.int64)
    return tf.data.Dataset.range(count).map(lambda number: (serialized, number))
