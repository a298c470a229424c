from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from kclip.training.clip_decoder.label_targets import LabelTargets
from kclip.training.common.generated_batches import GeneratedBatches


class MapBatches(GeneratedBatches):
    """Training batches from the outputs of a frozen tower.

    The order and the views sampled depend on the seed and the epoch alone.

    Args:
        outputs: dict of arrays (V, N, ...), V views of N images; see
            `kclip.features.spatial_maps`.
        targets: `LabelTargets` of the N images.
        batch_size: int.
        rows: the images to train on; all by default.
        seed: int.

    Yields (by `dataset()`): pairs of a dict of arrays (B, ...) and the dict of targets.
    """

    drop_remainder = True

    def __init__(
        self,
        outputs: dict[str, np.ndarray],
        targets: LabelTargets,
        batch_size: int,
        rows: np.ndarray | None = None,
        seed: int = 0,
    ):
        self.outputs = outputs
        self.num_views, num_images = next(iter(outputs.values())).shape[:2]
        self.targets = targets
        self.batch_size = batch_size
        self.rows = np.arange(num_images) if rows is None else rows
        self.seed = seed
        self.num_samples = len(self.rows)

    def _batches(self) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
        rng = np.random.default_rng([self.seed, self._epoch])
        order = rng.permutation(self.rows)
        views = rng.integers(self.num_views, size=self.num_samples)
        for positions in self._positions():
            rows = order[positions]
            of_rows = {name: array[views[positions], rows] for name, array in self.outputs.items()}
            yield of_rows, self.targets.batch(rows)

    def _signature(self):
        outputs = {
            name: tf.TensorSpec((self.batch_size, *array.shape[2:]), array.dtype)
            for name, array in self.outputs.items()
        }
        return outputs, self.targets.signature(self.batch_size)
