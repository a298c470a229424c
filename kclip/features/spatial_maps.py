"""Feature maps of a frozen image tower, computed once for a split and kept memory-mapped."""

from pathlib import Path

import numpy as np

from kclip.data.pipeline.pixels import whole_pixels
from kclip.data.records.writer import SplitFiles
from kclip.features.frozen_outputs import compute_views, described, digest, image_views
from kclip.features.store import FeatureStore
from kclip.models import MultiLabelClassifier

MAPS_FILE = "spatial_maps.npy"


def spatial_maps(
    model: MultiLabelClassifier, split: SplitFiles, store: FeatureStore, mirror: bool = False
) -> np.ndarray:
    """Computes the maps of a split's images, or opens those of an earlier run.

    Half precision: a map of 7 x 7 x 768 takes 75 kB, and 8,000 images 0.6 GB on the disk.

    Args:
        model: its frozen image tower is run, after the model's own resizing.
        split: N records.
        store: where maps are kept, under a digest of all that they depend on.
        mirror: also compute each mirrored image's map, as a second view.

    Returns:
        float16 (V, N, H, W, C), memory-mapped; V is 1, or 2 with `mirror`.
    """
    name = digest([model.image_encoder], split, "whole pixels", model.resize_mode, mirror)

    def compute(folder: Path) -> None:
        tower, resize = model.spatial_encoder, whole_pixels(model.resizing)
        path, views = folder / MAPS_FILE, image_views(mirror)
        compute_views(path, tower, split, resize, views, np.float16)

    about = described(f"maps of {model.image_encoder.backbone_name}", split)
    return np.load(store.computed_once(name, compute, about) / MAPS_FILE, mmap_mode="r")
