from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from kclip.data.pipeline.streamed_batches import count_batches


class GeneratedBatches(ABC):
    """Batches of arrays in memory or on the disk, with the interface of `StreamedBatches`.

    A subclass sets `num_samples`, `batch_size` and `drop_remainder`, and gives the batches.
    """

    num_samples: int
    batch_size: int
    drop_remainder: bool
    _epoch = 0
    _first_batch = 0

    @property
    def batches_per_epoch(self) -> int:
        """Batches from the first to the last of an epoch."""
        return count_batches(self.num_samples, self.batch_size, self.drop_remainder)

    def dataset(self) -> tf.data.Dataset:
        """Batches of one epoch, from the current position on, at each iteration."""
        batches = tf.data.Dataset.from_generator(self._batches, output_signature=self._signature())
        remaining = self.batches_per_epoch - self._first_batch
        return batches.apply(tf.data.experimental.assert_cardinality(remaining)).prefetch(2)

    def set_position(self, epoch: int, first_batch: int = 0) -> None:
        """Says which epoch the next iteration gives, and from which of its batches on."""
        self._epoch, self._first_batch = epoch, first_batch

    def _positions(self) -> Iterator[slice]:
        """Which samples of the epoch's order each remaining batch takes."""
        for batch in range(self._first_batch, self.batches_per_epoch):
            yield slice(batch * self.batch_size, (batch + 1) * self.batch_size)

    @abstractmethod
    def _batches(self) -> Iterator[Any]: ...

    @abstractmethod
    def _signature(self) -> Any: ...
