from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from kclip.evaluation.benchmark.frozen_features import FrozenFeatures
from kclip.training.common.generated_batches import GeneratedBatches

Form = Literal["embedding", "pooled", "spatial"]
Inputs = tuple[np.ndarray, np.ndarray]
STATISTICS_IMAGES = 1000


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of features' channels, float32 (C,) each, or 0 and 1."""

    mean: np.ndarray | float
    standard_deviation: np.ndarray | float

    @classmethod
    def of(cls, features: FrozenFeatures, form: Form) -> "Statistics":
        """Those of up to 1,000 images; embeddings stay as they are."""
        if form == "embedding":
            return cls(0.0, 1.0)
        rows = np.linspace(0, features.maps.shape[1] - 1, STATISTICS_IMAGES).astype(int)
        seen = features.pooled if form == "pooled" else features.maps
        some = seen[0, np.unique(rows)].astype(np.float32)
        axes = tuple(range(some.ndim - 1))
        return cls(some.mean(axes), some.std(axes) + 1e-3)


class FeatureBatches(GeneratedBatches):
    """Batches of frozen features, whose order and views depend on the seed and the epoch alone.

    Args:
        features: of N images.
        form: "embedding" (D,), "pooled" (C,) or "spatial" (L, C): what is seen of an image.
        statistics: of the features that were trained on.
        rows: R of the images.
        batch_size: int; all of the rows where there are fewer.
        labels: (N, C) of 0 and 1; None where nothing is trained.
        seed: of orders and views.

    Yields (by `dataset()`): pairs of what is seen (B, ...) with embeddings (B, D), and labels,
    float32 (B, C).
    """

    drop_remainder = False

    def __init__(
        self,
        features: FrozenFeatures,
        form: Form,
        statistics: Statistics,
        rows: np.ndarray,
        batch_size: int,
        labels: np.ndarray | None = None,
        seed: int = 0,
    ):
        self.features = features
        self.form = form
        self.statistics = statistics
        self.rows = rows
        self.num_samples = len(rows)
        self.batch_size = min(batch_size, len(rows))
        self.labels = labels
        self.seed = seed

    def view(self, view: int) -> Iterator[Inputs]:
        """One view of all rows, in order."""
        for start in range(0, len(self.rows), self.batch_size):
            yield self._inputs(view, self.rows[start : start + self.batch_size])

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Of what is seen of one image, and of its embedding."""
        maps, embeddings = self.features.maps, self.features.embeddings
        of_form = {"embedding": embeddings.shape[2:], "pooled": maps.shape[3:]}
        return of_form.get(self.form, maps.shape[2:]), embeddings.shape[2:]

    def _batches(self) -> Iterator[tuple[Inputs, np.ndarray]]:
        assert self.labels is not None
        rng = np.random.default_rng([self.seed, self._epoch])
        order = rng.permutation(self.rows)
        views = rng.integers(len(self.features.maps), size=self.batches_per_epoch)
        for positions in self._positions():
            rows = np.sort(order[positions])
            view = int(views[positions.start // self.batch_size])
            yield self._inputs(view, rows), self.labels[rows].astype(np.float32)

    def _signature(self) -> Any:
        assert self.labels is not None
        seen, embeddings = (tf.TensorSpec((None, *shape), tf.float32) for shape in self.shapes)
        return (seen, embeddings), tf.TensorSpec((None, self.labels.shape[1]), tf.float32)

    def _inputs(self, view: int, rows: np.ndarray) -> Inputs:
        embeddings = self.features.embeddings[view, rows]
        if self.form == "embedding":
            return embeddings, embeddings
        seen = self.features.pooled if self.form == "pooled" else self.features.maps
        centred = seen[view, rows].astype(np.float32) - self.statistics.mean
        return centred / self.statistics.standard_deviation, embeddings
