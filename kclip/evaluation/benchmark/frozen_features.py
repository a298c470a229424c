"""What every method of the benchmark learns from: a frozen model's outputs, computed once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kclip.data.records.writer import SplitFiles
from kclip.features import FeatureStore
from kclip.features.frozen_outputs import compute_views, described, digest, image_views
from kclip.inference.embedder import Embedder
from kclip.metrics.similarity import l2_normalize

MAPS_FILE, POOLED_FILE, EMBEDDINGS_FILE = "maps.npy", "pooled.npy", "embeddings.npy"
ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class FrozenFeatures:
    """N images as the frozen model sees them, in V views: as they are, and perhaps mirrored.

    Attributes:
        maps: float16 (V, N, L, C), memory-mapped: the last feature map's L positions, or a
            transformer's tokens.
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
        embedder: of a dual encoder, whose map is the tower's last, or of CLIP or SigLIP, whose
            positions are the tokens that enter the last block.
        split: N records.
        store: where features are kept, under a digest of all that they depend on.
    """
    preprocessor = embedder.preprocessor
    mirror = bool(preprocessor.mirror)
    name = digest([embedder.model], split, "benchmark", repr(preprocessor.settings), mirror)

    def compute(folder: Path) -> None:
        tower, embed = _towers(embedder.model)
        path = folder / MAPS_FILE
        compute_views(path, tower, split, preprocessor.resize, image_views(mirror), np.float16)
        maps = np.load(path, mmap_mode="r")
        maps = maps.reshape(*maps.shape[:2], -1, maps.shape[-1])
        np.save(folder / POOLED_FILE, _by_rows(maps, lambda rows: rows.mean(axis=1)))
        np.save(folder / EMBEDDINGS_FILE, _by_rows(maps, embed))

    about = described("maps and embeddings for the multi-label benchmark", split)
    folder = store.computed_once(name, compute, about)
    maps = np.load(folder / MAPS_FILE, mmap_mode="r")
    return FrozenFeatures(
        maps.reshape(*maps.shape[:2], -1, maps.shape[-1]),
        np.load(folder / POOLED_FILE),
        np.load(folder / EMBEDDINGS_FILE),
    )


def _by_rows(maps: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The function of float32 (R, L, C), R rows at a time, for each view: float32 (V, N, ...)."""
    starts = range(0, maps.shape[1], ROWS_AT_ONCE)
    return np.stack(
        [
            np.concatenate(
                [function(view[s : s + ROWS_AT_ONCE].astype(np.float32)) for s in starts]
            )
            for view in maps
        ]
    )


def _towers(model: Any) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    """A Keras model from images to positions, and a function from positions to embeddings."""
    import keras

    from kclip.models import DualEncoder
    from kclip.models.towers.spatial_encoder import SpatialEncoder

    if isinstance(model, DualEncoder):
        tower = SpatialEncoder(model.image_encoder)
        side = tower.output_shape[1:3]

        def project(positions: Any) -> Any:
            spatial = positions.reshape(-1, *side, positions.shape[-1])
            return model.image_projection(model.image_encoder.pooling(spatial))

    else:
        image = keras.Input((model.image_size, model.image_size, 3))
        x = model.patch_embedding(model.normalization(image))
        x = model.image_input_norm(x) if model.image_input_norm else x
        *blocks, last = model.image_blocks
        for block in blocks:
            x = block(x)
        tower = keras.Model(image, x)

        def project(positions: Any) -> Any:
            return model.image_head(model.image_norm(last(positions)))

    return tower, lambda positions: l2_normalize(np.asarray(project(positions)))
