"""What every method of the benchmark learns from: a frozen model's outputs, computed once."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kclip.data.records.writer import SplitFiles
from kclip.features import FeatureStore
from kclip.features.frozen_outputs import (
    compute_views,
    described,
    digest,
    image_views,
    pixels_for,
)
from kclip.inference.embedder import Embedder
from kclip.metrics.similarity import l2_normalize

DTYPES = {"features": np.float32, "spatial_map": np.float16}
FEATURES_FILE, MAPS_FILE = "features.npy", "spatial_map.npy"
POOLED_FILE, EMBEDDINGS_FILE = "pooled.npy", "embeddings.npy"
ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class FrozenFeatures:
    """N images as the frozen model sees them, in V views: as they are, and perhaps mirrored.

    Attributes:
        maps: float16 (V, N, L, C), memory-mapped: the L positions of the image tower, those of a
            network's last feature map or a transformer's patches.
        pooled: float32 (V, N, C), their means.
        embeddings: float32 (V, N, D), the images in the space of the texts, L2-normalised.
    """

    maps: np.ndarray
    pooled: np.ndarray
    embeddings: np.ndarray

    @property
    def mean_embeddings(self) -> np.ndarray:
        """float32 (N, D), the views' mean, L2-normalised."""
        return l2_normalize(self.embeddings.mean(axis=0))


def frozen_features(embedder: Embedder, split: SplitFiles, store: FeatureStore) -> FrozenFeatures:
    """Runs the image tower over a split, or opens what an earlier run left.

    Args:
        embedder: of a dual encoder, CLIP and SigLIP included.
        split: N records.
        store: where features are kept, under a digest of all that they depend on.
    """
    preprocessor = embedder.preprocessor
    mirror = bool(preprocessor.mirror)
    name = digest(
        [embedder.model], split, "benchmark, whole pixels", repr(preprocessor.settings), mirror
    )

    def compute(folder: Path) -> None:
        # Here, since Keras takes seconds to start.
        from kclip.models.towers.spatial_encoder import SpatialEncoder

        model, views = embedder.model, image_views(mirror)
        tower = SpatialEncoder(model.image_encoder)
        compute_views(folder, tower, split, pixels_for(preprocessor), views, DTYPES)
        maps = _positions(folder)
        np.save(folder / POOLED_FILE, _means(maps))
        features = np.load(folder / FEATURES_FILE)
        embeddings = [np.asarray(model.image_projection(view)) for view in features]
        np.save(folder / EMBEDDINGS_FILE, l2_normalize(np.stack(embeddings)))

    about = described("maps and embeddings for the multi-label benchmark", split)
    folder = store.computed_once(name, compute, about)
    return FrozenFeatures(
        _positions(folder),
        np.load(folder / POOLED_FILE),
        np.load(folder / EMBEDDINGS_FILE),
    )


def _positions(folder: Path) -> np.ndarray:
    """float16 (V, N, L, C), memory-mapped."""
    maps = np.load(folder / MAPS_FILE, mmap_mode="r")
    return maps.reshape(*maps.shape[:2], -1, maps.shape[-1])


def _means(maps: np.ndarray) -> np.ndarray:
    """float32 (V, N, C), the means over positions, some rows at a time."""
    starts = range(0, maps.shape[1], ROWS_AT_ONCE)
    return np.stack(
        [
            np.concatenate(
                [view[s : s + ROWS_AT_ONCE].astype(np.float32).mean(axis=1) for s in starts]
            )
            for view in maps
        ]
    )
