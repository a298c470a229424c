"""The two ways to feed a multi-label classifier: from TFRecords, or a frozen tower's outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from kclip.config.clip_decoder import DecoderOptimization
from kclip.data.pipeline.augmentation import build_augmentation
from kclip.data.pipeline.pixels import whole_pixels
from kclip.data.pipeline.split_reading import image_batches
from kclip.data.pipeline.streamed_batches import InputFunctions
from kclip.data.records.writer import SplitFiles
from kclip.errors import UserError
from kclip.features import FeatureStore, spatial_maps
from kclip.models import CachedMultiLabelClassifier, MultiLabelClassifier
from kclip.training.clip_decoder.label_targets import LabelTargets
from kclip.training.clip_decoder.labelled_stream import LabelledStream
from kclip.training.clip_decoder.map_batches import MapBatches
from kclip.training.common.batch_statistics import set_exact_statistics

# Queries times images that go through a decoder at once: 1.3 GiB in its widest layers.
MAX_QUERIES_OF_A_BATCH = 2**16
PREDICTION_BATCH_SIZE = 256
STATISTICS_IMAGES = 1000


class DecoderData(Protocol):
    """A training and a validation split, as one of the two models takes them."""

    def fed_model(self, classifier: MultiLabelClassifier) -> Any:
        """The model that takes what this gives and shares the classifier's weights."""
        ...

    def standardize(self, classifier: MultiLabelClassifier) -> None:
        """Gives a classifier the statistics of a frozen tower's features, which stay as they are.

        A tower that is trained has none that stay.
        """
        ...

    def train_batches(self, targets: LabelTargets, settings: DecoderOptimization) -> Any:
        """Batches with `dataset`, `set_position` and `batches_per_epoch`."""
        ...

    def validation_logits(self, model: Any, num_classes: int) -> np.ndarray:
        """What a fed model says of the validation split: float32 (N, C)."""
        ...


@dataclass(frozen=True)
class CachedData:
    """What `spatial_maps` gives for both splits."""

    train_outputs: dict[str, np.ndarray]
    validation_outputs: dict[str, np.ndarray]

    def fed_model(self, classifier: MultiLabelClassifier) -> Any:
        """See `DecoderData`."""
        return CachedMultiLabelClassifier(classifier)

    def standardize(self, classifier: MultiLabelClassifier) -> None:
        """See `DecoderData`."""
        maps, features = (self.train_outputs[name][0] for name in ("spatial_map", "features"))
        some = np.linspace(0, len(maps) - 1, min(len(maps), STATISTICS_IMAGES)).astype(int)
        maps = maps[some].astype(np.float32)
        classifier.standardize_maps(maps.mean((0, 1, 2)), maps.var((0, 1, 2)))
        standardization = getattr(classifier.alignment, "standardization", None)
        if standardization and standardization.trainable:  # a dual encoder's are there already
            set_exact_statistics(standardization, features[some])

    def train_batches(
        self,
        targets: LabelTargets,
        settings: DecoderOptimization,
        rows: np.ndarray | None = None,
    ) -> MapBatches:
        """See `DecoderData`; `rows` are the images to train on, all by default."""
        size = settings.batch_size
        return MapBatches(self.train_outputs, targets, size, rows, seed=settings.seed)

    def validation_logits(self, model: Any, num_classes: int) -> np.ndarray:
        """See `DecoderData`."""
        views = range(len(self.validation_outputs["features"]))
        of_views = [
            {name: array[view] for name, array in self.validation_outputs.items()} for view in views
        ]
        return np.mean([map_logits(model, view, num_classes) for view in of_views], axis=0)


@dataclass(frozen=True)
class StreamedData:
    """Records of both splits, which go through the tower in every step."""

    train: SplitFiles
    validation: SplitFiles
    resize: Any
    image_size: int

    def fed_model(self, classifier: MultiLabelClassifier) -> Any:
        """See `DecoderData`."""
        return classifier

    def standardize(self, classifier: MultiLabelClassifier) -> None:
        """See `DecoderData`."""

    def train_batches(self, targets: LabelTargets, settings: DecoderOptimization) -> LabelledStream:
        """See `DecoderData`."""
        augment = build_augmentation(settings.augmentation, settings.seed)
        functions = InputFunctions(self.resize, None, augment, self.image_size)
        size, seed = settings.batch_size, settings.seed
        return LabelledStream(self.train, functions, targets, size, seed=seed)

    def validation_logits(self, model: Any, num_classes: int) -> np.ndarray:
        """See `DecoderData`."""
        batches = image_batches(self.validation, self.resize, _batch_size(num_classes))
        return np.concatenate(
            [model.predict_logits(batch) for batch in batches.as_numpy_iterator()]
        )


def open_data(
    model: MultiLabelClassifier,
    train: SplitFiles,
    validation: SplitFiles,
    settings: DecoderOptimization,
    store: FeatureStore,
) -> CachedData | StreamedData:
    """Runs a frozen tower once over both splits; one that is trained will be fed with images.

    Args:
        model: what is trained.
        train: records to train on.
        validation: records to measure on.
        settings: with the augmentation.
        store: where a frozen tower's maps are kept.

    Raises:
        UserError: a frozen tower cannot see the images that the augmentation would make.
    """
    if model.image_encoder.trainable:
        resize = whole_pixels(model.resizing)
        return StreamedData(train, validation, resize, model.image_encoder.image_size)
    if settings.augmentation not in ("none", "flip"):
        raise UserError(
            f"--optimization.augmentation {settings.augmentation} changes images in every epoch, "
            "but a frozen image tower sees each image once; use none or flip, or --image.train all"
        )
    train_outputs = spatial_maps(model, train, store, mirror=settings.augmentation == "flip")
    return CachedData(train_outputs, spatial_maps(model, validation, store, model.mirror))


def map_logits(model: Any, outputs: Mapping[str, Any], num_classes: int) -> np.ndarray:
    """What a cached model says of a tower's outputs for N images: float32 (N, classes)."""
    size, num_images = _batch_size(num_classes), len(outputs["features"])
    batches = (
        {name: array[start : start + size] for name, array in outputs.items()}
        for start in range(0, num_images, size)
    )
    return np.concatenate([model.predict_on_batch(batch)["logits"] for batch in batches])


def _batch_size(num_classes: int) -> int:
    return max(1, min(PREDICTION_BATCH_SIZE, MAX_QUERIES_OF_A_BATCH // num_classes))
