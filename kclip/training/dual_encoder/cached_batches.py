from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from kclip.data.pipeline.streamed_batches import Captions, caption_number
from kclip.features import SplitFeatures
from kclip.features.class_pairs import ClassPairs
from kclip.training.common.generated_batches import GeneratedBatches


class CachedBatches(GeneratedBatches):
    """Training batches from a split's cached features, in the way of `StreamedBatches`.

    The order, the captions sampled and the views sampled depend on the seed and the epoch alone.

    Args:
        features: `SplitFeatures`.
        batch_size: int.
        captions: "sample" or "expand".
        shuffle: False keeps the order of the records and their first view.
        drop_remainder: True drops the last, smaller batch.
        seed: int.
        class_pairs: `ClassPairs` to sample from for each batch, or None.
        num_class_pairs: int, how many of them.

    Yields (by `dataset()`): pairs of a dict, `image_features` float32 (B, F) and the text's arrays
    (B, ...), and ids, int32 (B,). B is the batch size and, behind these, the class pairs.
    """

    def __init__(
        self,
        features: SplitFeatures,
        batch_size: int,
        captions: Captions = "sample",
        shuffle: bool = True,
        drop_remainder: bool = True,
        seed: int = 0,
        class_pairs: ClassPairs | None = None,
        num_class_pairs: int = 0,
    ):
        self.features = features
        self.batch_size = batch_size
        self.captions = captions
        self.shuffle = shuffle
        self.drop_remainder = drop_remainder
        self.seed = seed
        self.class_pairs = class_pairs
        self.num_class_pairs = num_class_pairs
        self.num_samples = (
            len(features.ids) if captions == "sample" else int(features.caption_offsets[-1])
        )

    def _batches(self) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        rng = np.random.default_rng([self.seed, self._epoch])
        image_rows, text_rows = self._pairs()
        views = np.zeros(self.num_samples, np.int64)
        if self.shuffle:
            order = rng.permutation(self.num_samples)
            image_rows, text_rows = image_rows[order], text_rows[order]
            views = rng.integers(len(self.features.image_features), size=self.num_samples)
        for rows in self._positions():
            images, texts = image_rows[rows], text_rows[rows]
            inputs = {"image_features": self.features.image_features[views[rows], images]}
            inputs |= {name: array[texts] for name, array in self.features.text.items()}
            yield self._with_class_pairs(inputs, self.features.ids[images], rows.start)

    def _with_class_pairs(
        self, inputs: dict[str, np.ndarray], ids: np.ndarray, position: int
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        if self.class_pairs is None:
            return inputs, ids
        # A generator of the batch's own: a run that goes on within an epoch samples the same.
        rng = np.random.default_rng([self.seed, self._epoch, position])
        others, other_ids = self.class_pairs.draw(self.num_class_pairs, rng)
        joined = {name: np.concatenate([array, others[name]]) for name, array in inputs.items()}
        return joined, np.concatenate([ids, other_ids])

    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        offsets = self.features.caption_offsets
        if self.captions == "expand":
            return self.features.text_to_image, np.arange(self.num_samples)
        ids = self.features.ids.astype(np.int64)
        numbers = caption_number(ids, self._epoch, np.diff(offsets))
        return np.arange(self.num_samples), offsets[:-1] + numbers

    def _signature(self):
        size = self.batch_size + self.num_class_pairs if self.drop_remainder else None
        arrays = {"image_features": self.features.image_features[0], **self.features.text}
        inputs = {
            name: tf.TensorSpec((size, *array.shape[1:]), array.dtype)
            for name, array in arrays.items()
        }
        return inputs, tf.TensorSpec((size,), tf.int32)
