from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kclip.data.images.decoding import DECODING_THREADS, Prepare, decode


class ImageBatches(keras.utils.PyDataset):
    """Batches of labelled image files, for `fit`, `evaluate` and `predict`.

    Files of any kind that Pillow opens are decoded on several threads while the model works. The
    order depends on the seed and the epoch alone.

    Args:
        paths: N files.
        labels: int (N,).
        prepare: from a Pillow image of mode RGB to (S, S, 3), the model's own.
        batch_size: int. The last batch may be smaller.
        augment: function of float32 (B, S, S, 3) in [0, 255]; None for none.
        shuffle: False keeps the order.
        seed: int.

    Yields: pairs of images, float32 (B, S, S, 3) in [0, 255], and labels, int (B,).
    """

    def __init__(
        self,
        paths: Sequence[Path],
        labels: np.ndarray,
        prepare: Prepare,
        batch_size: int,
        augment: Callable[[Any], Any] | None = None,
        shuffle: bool = False,
        seed: int = 0,
    ):
        super().__init__()  # one worker: the threads below share the work of a batch
        self.paths = list(paths)
        self.labels = np.asarray(labels)
        self.prepare = prepare
        self.batch_size = batch_size
        self.augment = augment
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = 0
        self.pool = ThreadPoolExecutor(DECODING_THREADS)
        self._order = self._new_order()

    def __len__(self) -> int:
        return -(-len(self.paths) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        paths = [self.paths[row] for row in rows]
        images = np.stack(list(self.pool.map(lambda path: decode(path, self.prepare), paths)))
        images = images.astype(np.float32)
        if self.augment is not None:
            images = np.asarray(self.augment(images))
        return images, self.labels[rows]

    def on_epoch_end(self) -> None:
        """Draws the next epoch's order."""
        self.epoch += 1
        self._order = self._new_order()

    def _new_order(self) -> np.ndarray:
        rows = np.arange(len(self.paths))
        return (
            np.random.default_rng([self.seed, self.epoch]).permutation(rows)
            if self.shuffle
            else rows
        )
