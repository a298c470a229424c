from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from kclip.training.common.generated_batches import GeneratedBatches


class ArrayBatches(GeneratedBatches):
    """Batches of two arrays in memory, in an order that depends on the seed and the epoch alone.

    Args:
        inputs: (N, ...).
        targets: (N, ...).
        batch_size: int. The last batch may be smaller.
        shuffle: False keeps the order.
        seed: int.

    Yields (by `dataset()`): pairs of inputs (B, ...) and targets (B, ...).

    Example:
    >>> batches = ArrayBatches(np.arange(5), np.arange(5) % 2, batch_size=2, shuffle=False)
    >>> [x.numpy().tolist() for x, y in batches.dataset()]
    [[0, 1], [2, 3], [4]]
    """

    drop_remainder = False

    def __init__(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        batch_size: int,
        shuffle: bool = True,
        seed: int = 0,
    ):
        self.inputs, self.targets = np.asarray(inputs), np.asarray(targets)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.num_samples = len(self.inputs)

    def _batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = np.arange(self.num_samples)
        if self.shuffle:
            order = np.random.default_rng([self.seed, self._epoch]).permutation(order)
        for positions in self._positions():
            rows = order[positions]
            yield self.inputs[rows], self.targets[rows]

    def _signature(self) -> tuple[tf.TensorSpec, tf.TensorSpec]:
        return tuple(
            tf.TensorSpec((None, *array.shape[1:]), array.dtype)
            for array in (self.inputs, self.targets)
        )
