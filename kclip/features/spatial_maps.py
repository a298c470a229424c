"""Outputs of a frozen image tower with its positions, computed once and kept memory-mapped."""

from pathlib import Path

import numpy as np

from kclip.data.pipeline.pixels import whole_pixels
from kclip.data.records.writer import SplitFiles
from kclip.features.frozen_outputs import compute_views, described, digest, image_views
from kclip.features.store import FeatureStore
from kclip.models import MultiLabelClassifier

# Half precision: a map of 7 x 7 x 768 takes 75 kB, and 8,000 images 0.6 GB on the disk.
DTYPES = {"features": np.float32, "spatial_map": np.float16}


def spatial_maps(
    model: MultiLabelClassifier, split: SplitFiles, store: FeatureStore, mirror: bool = False
) -> dict[str, np.ndarray]:
    """Computes what a `SpatialEncoder` gives for a split, or opens that of an earlier run.

    Args:
        model: its frozen image tower is run, after the model's own resizing.
        split: N records.
        store: where the outputs are kept, under a digest of all that they depend on.
        mirror: also compute each mirrored image's, as a second view.

    Returns:
        dict of `features`, float32 (V, N, F), and `spatial_map`, float16 (V, N, H, W, C), both
        memory-mapped; V is 1, or 2 with `mirror`.
    """
    how = ("whole pixels", model.resize_mode, mirror, sorted(DTYPES))
    name = digest([model.image_encoder], split, *how)

    def compute(folder: Path) -> None:
        tower, resize = model.spatial_encoder, whole_pixels(model.resizing)
        compute_views(folder, tower, split, resize, image_views(mirror), DTYPES)

    about = described(f"maps of {model.image_encoder.backbone_name}", split)
    folder = store.computed_once(name, compute, about)
    return {output: np.load(folder / f"{output}.npy", mmap_mode="r") for output in DTYPES}
