"""A head of the benchmark: trained on frozen features, then asked."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kclip.evaluation.benchmark.frozen_features import FrozenFeatures
from kclip.layers import FCAdapter, MLDAdapter
from kclip.training.benchmark.feature_batches import FeatureBatches, Statistics
from kclip.training.benchmark.methods import TrainedMethod
from kclip.training.common.callbacks import StopOnNonFiniteLoss
from kclip.training.common.fit import fit_epochs
from kclip.training.common.optimizer import compile_model
from kclip.training.common.run import Run

ROWS_AT_ONCE = 250


@dataclass(frozen=True)
class TrainedHead:
    """A method's layer, and the statistics that its features are standardised by.

    Attributes:
        method: how it is trained.
        layer: a Keras layer.
        statistics: of the training features.
    """

    method: TrainedMethod
    layer: Any
    statistics: Statistics

    @classmethod
    def new(
        cls, method: TrainedMethod, features: FrozenFeatures, num_classes: int
    ) -> "TrainedHead":
        """An untrained head for features such as these."""
        layer = method.make(num_classes, **method.options)
        return cls(method, layer, Statistics.of(features, method.form))

    def train(
        self,
        features: FrozenFeatures,
        labels: np.ndarray,
        queries: np.ndarray,
        rows: np.ndarray,
        seed: int,
        run: Run,
    ) -> None:
        """Trains the layer, which may have been trained before.

        Args:
            features: of N images.
            labels: (N, C) of 0 and 1.
            queries: float32 (C, D), the classes' text embeddings.
            rows: the images to train on.
            seed: of their order.
            run: where the state is kept; a resumed one goes on from it.
        """
        method = self.method
        batches = FeatureBatches(
            features, method.form, self.statistics, rows, method.batch_size, labels, seed
        )
        epochs = max(method.epochs, -(-method.least_steps // batches.batches_per_epoch))
        seen, embeddings = (keras.Input(shape) for shape in batches.shapes)
        model = keras.Model([seen, embeddings], self._logits(seen, embeddings, queries))
        rate: Any = keras.optimizers.schedules.CosineDecay(
            method.learning_rate, epochs * batches.batches_per_epoch
        )
        optimizer = keras.optimizers.AdamW(rate, weight_decay=method.weight_decay)
        compile_model(model, optimizer, _LOSSES[method.loss])
        guard = StopOnNonFiniteLoss("a smaller learning rate")
        fit_epochs(model, batches, run, epochs, deciding=[guard], quiet=True)

    def scores(
        self, features: FrozenFeatures, queries: np.ndarray, rows: np.ndarray | None = None
    ) -> np.ndarray:
        """What the layer says of images: float32 logits (R, C), the mean over the views.

        Args:
            features: of N images.
            queries: float32 (C, D), of the classes that are asked for.
            rows: R of the images; all by default.
        """
        rows = np.arange(features.maps.shape[1]) if rows is None else rows
        batches = FeatureBatches(features, self.method.form, self.statistics, rows, ROWS_AT_ONCE)
        views = [
            np.concatenate(
                [np.asarray(self._logits(*seen, queries)) for seen in batches.view(view)]
            )
            for view in range(len(features.maps))
        ]
        return np.mean(views, axis=0)

    def _logits(self, seen: Any, embeddings: Any, queries: np.ndarray) -> Any:
        layer = self.layer
        if not isinstance(layer, FCAdapter | MLDAdapter):
            return layer(seen)
        if isinstance(layer, MLDAdapter) and layer.similarity is not None:
            return layer(seen, queries, embeddings)
        return layer(seen, queries)


def _squares_of_probabilities(labels: Any, logits: Any) -> Any:
    return keras.losses.mean_squared_error(labels, keras.ops.sigmoid(logits))


_LOSSES: dict[str, Any] = {
    "bce": keras.losses.BinaryCrossentropy(from_logits=True),
    "mse": _squares_of_probabilities,
}
