import tensorflow as tf

from kclip.data.pipeline.streamed_batches import Batch, InputFunctions, StreamedBatches
from kclip.data.records import schema
from kclip.data.records.writer import SplitFiles
from kclip.training.clip_decoder.label_targets import LabelTargets


class LabelledStream(StreamedBatches):
    """Training batches of images and their labels straight from TFRecords.

    Args:
        split: the files of a split of N records.
        functions: `InputFunctions` without texts.
        targets: `LabelTargets` of the N images, in the order of the files.
        batch_size: int.
        **options: of `StreamedBatches`.

    Yields (by `dataset()`): pairs of images, float32 (B, S, S, 3), and the dict of targets.
    """

    def __init__(
        self,
        split: SplitFiles,
        functions: InputFunctions,
        targets: LabelTargets,
        batch_size: int,
        **options,
    ):
        self.of_rows = targets.lookup()
        self.row_of_id = _row_table(split)
        super().__init__(split, functions, batch_size, **options)

    def _encode(
        self, batch: Batch, epoch: tf.Tensor, numbers: tf.Tensor | None
    ) -> tuple[tf.Tensor, Batch]:
        # Shards are read in another order each epoch, so records are known by their ids.
        return self._augmented(batch, epoch), self.of_rows(self.row_of_id.lookup(batch["id"]))


def _row_table(split: SplitFiles) -> tf.lookup.StaticHashTable:
    records = tf.data.TFRecordDataset([str(path) for path in split.files])
    ids = list(records.map(lambda s: schema.parse(s)["id"]).as_numpy_iterator())
    rows = tf.range(len(ids), dtype=tf.int64)
    return tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(ids), rows), default_value=-1
    )
