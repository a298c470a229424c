"""A frozen network's outputs for labelled images, computed once and kept."""

from pathlib import Path

import numpy as np

from kclip.console.lines import LOGGER
from kclip.data.images.content import content_digests
from kclip.features import FeatureStore
from kclip.features.frozen_outputs import digest_of, software
from kclip.models import ImageClassifier
from kclip.training.classifier.image_batches import ImageBatches

FILE = "features.npy"


def frozen_features(
    model: ImageClassifier, batches: ImageBatches, store: FeatureStore
) -> np.ndarray:
    """Runs a classifier's frozen network over images, or opens what an earlier run left.

    Args:
        model: its network is run, after the model's own resizing.
        batches: of the images in their order, without augmentation.
        store: where features are kept, under a digest of network, images and software.

    Returns:
        float32 (N, F).
    """
    encoder = model.image_encoder
    name = digest_of([encoder], content_digests(batches.paths), "by Pillow", model.resize_mode)

    def compute(folder: Path) -> None:
        LOGGER.info("computing the frozen network's features of %s images", batches.num_samples)
        np.save(folder / FILE, batches.predictions(encoder).astype(np.float32))

    about = {
        "features": f"outputs of {encoder.backbone_name} for a classifier",
        "data": f"labelled images, {batches.paths[0]} the first",
        "images": batches.num_samples,
        "computed_by": software(),
    }
    return np.load(store.computed_once(name, compute, about) / FILE)
