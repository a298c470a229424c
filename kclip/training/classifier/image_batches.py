from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kclip.data.images.decoding import DECODING_THREADS, Prepare, decode
from kclip.data.pipeline.augmentation import Augment
from kclip.training.common.generated_batches import GeneratedBatches


class ImageBatches(GeneratedBatches):
    """Batches of labelled image files.

    Files of any kind that Pillow opens are decoded on several threads while the model works. The
    order depends on the seed and the epoch alone.

    Args:
        paths: N files.
        labels: int (N,).
        prepare: from a Pillow image of mode RGB to (S, S, 3), the model's own.
        batch_size: int. The last batch may be smaller.
        augment: function of float32 (B, S, S, 3) in [0, 255], the images' numbers (B,) and the
            epoch; None for none.
        shuffle: False keeps the order.
        seed: int.

    Yields (by `dataset()`): pairs of images, float32 (B, S, S, 3) in [0, 255], and labels, int64
    (B,).
    """

    drop_remainder = False

    def __init__(
        self,
        paths: Sequence[Path],
        labels: np.ndarray,
        prepare: Prepare,
        batch_size: int,
        augment: Augment | None = None,
        shuffle: bool = False,
        seed: int = 0,
    ):
        self.paths = list(paths)
        self.labels = np.asarray(labels, np.int64)
        self.prepare = prepare
        self.batch_size = batch_size
        self.augment = augment
        self.shuffle = shuffle
        self.seed = seed
        self.num_samples = len(self.paths)
        self.pool = ThreadPoolExecutor(DECODING_THREADS)

    def predictions(self, model: Any) -> np.ndarray:
        """A model's outputs for all images, in the order of the first epoch: (N, ...)."""
        return np.concatenate([model.predict_on_batch(images) for images, _ in self._batches()])

    def _batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = np.arange(self.num_samples)
        if self.shuffle:
            order = np.random.default_rng([self.seed, self._epoch]).permutation(order)
        for positions in self._positions():
            rows = order[positions]
            paths = [self.paths[row] for row in rows]
            decoded = self.pool.map(lambda path: decode(path, self.prepare), paths)
            images = np.stack(list(decoded)).astype(np.float32)
            if self.augment is not None:
                images = np.asarray(self.augment(images, rows, np.array(self._epoch)))
            yield images, self.labels[rows]

    def _signature(self) -> tuple[tf.TensorSpec, tf.TensorSpec]:
        images = tf.TensorSpec((None, None, None, 3), tf.float32)
        return images, tf.TensorSpec((None,), tf.int64)
