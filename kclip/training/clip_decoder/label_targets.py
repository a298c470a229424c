from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class LabelTargets:
    """What a `JointLoss` is held against, for the images of a split in their order.

    Args:
        labels: uint8 (N, C) of 0 and 1.
        ids: int32 (N,), the set of labels that each image has; -1 for none.
        text_embeddings: float32 (S, E) of the sentence of each set, or None without alignment.
        valid_mask: bool (N, C), False where a label is ignored, or None where all count.
    """

    labels: np.ndarray
    ids: np.ndarray
    text_embeddings: np.ndarray | None = None
    valid_mask: np.ndarray | None = None

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The targets of B images: `labels` (B, C) and, with alignment, `ids`, `text_embeddings`.

        Where not all labels count, `valid_mask` (B, C) is among them. Images without a label are
        given some text, which the loss leaves out.
        """
        targets = {name: array[rows] for name, array in self._by_image().items()}
        if self.text_embeddings is not None:
            targets["text_embeddings"] = self.text_embeddings[np.maximum(targets["ids"], 0)]
        return targets

    def signature(self, size: int | None) -> dict[str, tf.TensorSpec]:
        """The shapes and types of a batch of `size` images."""
        example = self.batch(np.zeros(1, np.int64))
        return {
            name: tf.TensorSpec((size, *array.shape[1:]), array.dtype)
            for name, array in example.items()
        }

    def lookup(self) -> Any:
        """A function like `batch` from a tensor of rows, int64 (B,), for tf.data."""
        by_image = {name: tf.constant(array) for name, array in self._by_image().items()}
        texts = None if self.text_embeddings is None else tf.constant(self.text_embeddings)

        def of_rows(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            targets = {name: tf.gather(values, rows) for name, values in by_image.items()}
            if texts is not None:
                targets["text_embeddings"] = tf.gather(texts, tf.maximum(targets["ids"], 0))
            return targets

        return of_rows

    def _by_image(self) -> dict[str, np.ndarray]:
        arrays = {"labels": self.labels}
        if self.valid_mask is not None:
            arrays["valid_mask"] = self.valid_mask
        if self.text_embeddings is not None:
            arrays["ids"] = self.ids
        return arrays
