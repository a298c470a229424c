from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from kclip.training.clip_decoder.label_targets import LabelTargets
from kclip.training.common.generated_batches import GeneratedBatches


class MapBatches(GeneratedBatches):
    """Training batches from the feature maps of a frozen tower.

    The order and the views sampled depend on the seed and the epoch alone.

    Args:
        maps: float16 (V, N, H, W, C), V views of N images; see `kclip.features.spatial_maps`.
        targets: `LabelTargets` of the N images.
        batch_size: int.
        rows: the images to train on; all by default.
        seed: int.

    Yields (by `dataset()`): pairs of maps (B, H, W, C) and the dict of targets.
    """

    drop_remainder = True

    def __init__(
        self,
        maps: np.ndarray,
        targets: LabelTargets,
        batch_size: int,
        rows: np.ndarray | None = None,
        seed: int = 0,
    ):
        self.maps = maps
        self.targets = targets
        self.batch_size = batch_size
        self.rows = np.arange(maps.shape[1]) if rows is None else rows
        self.seed = seed
        self.num_samples = len(self.rows)

    def _batches(self) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        rng = np.random.default_rng([self.seed, self._epoch])
        order = rng.permutation(self.rows)
        views = rng.integers(len(self.maps), size=self.num_samples)
        for positions in self._positions():
            rows = order[positions]
            yield self.maps[views[positions], rows], self.targets.batch(rows)

    def _signature(self):
        maps = tf.TensorSpec((self.batch_size, *self.maps.shape[2:]), self.maps.dtype)
        return maps, self.targets.signature(self.batch_size)
