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
    """

    labels: np.ndarray
    ids: np.ndarray
    text_embeddings: np.ndarray | None = None

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The targets of B images: `labels` (B, C) and, with alignment, `ids`, `text_embeddings`.

        Images without a label are given some text, which the loss leaves out.
        """
        if self.text_embeddings is None:
            return {"labels": self.labels[rows]}
        ids = self.ids[rows]
        texts = self.text_embeddings[np.maximum(ids, 0)]
        return {"labels": self.labels[rows], "ids": ids, "text_embeddings": texts}

    def signature(self, size: int | None) -> dict[str, tf.TensorSpec]:
        """The shapes and types of a batch of `size` images."""
        example = self.batch(np.zeros(1, np.int64))
        return {
            name: tf.TensorSpec((size, *array.shape[1:]), array.dtype)
            for name, array in example.items()
        }

    def lookup(self) -> Any:
        """A function like `batch` from a tensor of rows, int64 (B,), for tf.data."""
        labels, ids = tf.constant(self.labels), tf.constant(self.ids)
        if self.text_embeddings is None:
            return lambda rows: {"labels": tf.gather(labels, rows)}
        texts = tf.constant(self.text_embeddings)

        def of_rows(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            of_images = tf.gather(ids, rows)
            return {
                "labels": tf.gather(labels, rows),
                "ids": of_images,
                "text_embeddings": tf.gather(texts, tf.maximum(of_images, 0)),
            }

        return of_rows
