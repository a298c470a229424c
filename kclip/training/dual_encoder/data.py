"""The two ways to feed a dual encoder: straight from TFRecords, or from what was computed once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kclip.config.dual_encoder import Optimization
from kclip.data.pipeline.augmentation import build_augmentation
from kclip.data.pipeline.split_reading import image_batches, iterate_texts
from kclip.data.pipeline.streamed_batches import InputFunctions, StreamedBatches
from kclip.data.records.writer import SplitFiles, open_split
from kclip.errors import UserError
from kclip.features import FeatureStore, SplitFeatures, split_features
from kclip.features.class_pairs import class_pairs
from kclip.features.frozen_outputs import pixels_for
from kclip.inference.embedder import Embedder, embed_views
from kclip.models import CachedDualEncoder, DualEncoder, DualEncoderPreprocessor
from kclip.models.towers.application_weights import Classifier
from kclip.models.towers.tower_cut import TowerCuts
from kclip.training.common.batch_statistics import set_exact_statistics
from kclip.training.dual_encoder.cached_batches import CachedBatches
from kclip.training.dual_encoder.chunked_model import ChunkedModel
from kclip.training.dual_encoder.cuts import CONSTANT_AUGMENTATIONS, training_views

EMBEDDING_BATCH_SIZE = 256


@dataclass(frozen=True)
class TrainingData:
    """What `fit` needs, whichever way the batches come.

    Args:
        model: what is trained: the dual encoder, or its `CachedDualEncoder`; either of them may be
            in a `ChunkedModel`.
        train, validation: `StreamedBatches` or `CachedBatches`.
        embed_validation: function without arguments that returns image_embeddings (N, D) and
            text_embeddings (M, D) of the whole validation split under the current weights.
        text_to_image_index: int (M,), the validation image that each of its captions describes.
    """

    model: Any
    train: Any
    validation: Any
    embed_validation: Callable[[], tuple[np.ndarray, np.ndarray]]
    text_to_image_index: np.ndarray


def streamed_data(
    model: DualEncoder,
    preprocessor: DualEncoderPreprocessor,
    train: SplitFiles,
    validation: SplitFiles,
    settings: Optimization,
) -> TrainingData:
    """Images and texts go through both towers in every step.

    Args:
        model: what is trained.
        preprocessor: of the model.
        train: records to train on.
        validation: records for loss and recall.
        settings: batch size, captions, augmentation and seed.
    """
    augment = build_augmentation(settings.augmentation, settings.seed)
    resize = pixels_for(preprocessor)  # as images are when the model is used
    plain, augmented = (
        InputFunctions(resize, _for_pipeline(preprocessor), change, model.image_size)
        for change in (None, augment)
    )
    texts = [captions for _, _, captions in iterate_texts(validation)]
    tokens = preprocessor.tokenize([caption for captions in texts for caption in captions])
    tokens = {name: np.asarray(value) for name, value in tokens.items()}
    embedder = Embedder(model, preprocessor)
    size = _embedding_batch_size(settings)

    def embed_validation():
        images = image_batches(validation, resize, size)
        images = images.as_numpy_iterator()
        embeddings = [embedder.embed_batch(batch) for batch in images]
        return np.concatenate(embeddings), _predict(model.text_model, tokens, size)

    return TrainingData(
        model=model,
        train=StreamedBatches(
            train, augmented, settings.batch_size, settings.captions, seed=settings.seed
        ),
        validation=StreamedBatches(
            validation, plain, settings.batch_size, shuffle=False, drop_remainder=False
        ),
        embed_validation=embed_validation,
        text_to_image_index=np.repeat(np.arange(len(texts)), [len(c) for c in texts]),
    )


def cached_data(
    model: DualEncoder,
    preprocessor: DualEncoderPreprocessor,
    train: SplitFiles,
    validation: SplitFiles,
    settings: Optimization,
    store: FeatureStore,
    classifier: Classifier | None = None,
    cuts: TowerCuts | None = None,
) -> TrainingData:
    """The frozen towers, or their frozen blocks, run once over each split; see `kclip.features`.

    Arguments as above, where features are kept, the image tower's classifier where `settings`
    wants class pairs, and the cuts of towers whose last blocks are trained.
    """
    cuts = cuts or TowerCuts()
    _check_augmentation(settings)
    arguments, views = (model, preprocessor), training_views(settings)
    train_features = split_features(*arguments, train, store, *views, cuts=cuts)
    features = split_features(*arguments, validation, store, preprocessor.mirror, cuts=cuts)
    _standardize(model, train_features)
    cached = CachedDualEncoder(model, cuts)
    size = _embedding_batch_size(settings)

    def embed_validation():
        images = embed_views(
            lambda view: _predict(cached.image_model, {"image_features": view}, size),
            features.image_features,
        )
        return images, _predict(cached.text_model, features.text, size)

    return TrainingData(
        model=cached,
        train=CachedBatches(
            train_features,
            settings.batch_size,
            settings.captions,
            seed=settings.seed,
            class_pairs=classifier
            and class_pairs(model, preprocessor, train_features, classifier, cuts.text),
            num_class_pairs=settings.class_pairs,
        ),
        validation=CachedBatches(
            features, settings.batch_size, shuffle=False, drop_remainder=False
        ),
        embed_validation=embed_validation,
        text_to_image_index=features.text_to_image,
    )


def _for_pipeline(preprocessor: Any) -> Callable[[Any], Any]:
    """The tokenizer as a function of string tensors; not all are operations of TensorFlow."""
    if preprocessor.tokenizes_in_graph:
        return preprocessor.tokenize
    import tensorflow as tf

    names = list(preprocessor.tokenize([""]))

    def arrays(texts: np.ndarray) -> list[np.ndarray]:
        tokens = preprocessor.tokenize([text.decode("utf-8") for text in texts])
        return [np.asarray(tokens[name], np.int32) for name in names]

    def tokenize(texts: Any) -> dict[str, Any]:
        tensors = tf.numpy_function(arrays, [texts], [tf.int32] * len(names))
        for tensor in tensors:
            tensor.set_shape((texts.shape[0], preprocessor.sequence_length))
        return dict(zip(names, tensors, strict=True))

    return tokenize


def _check_augmentation(settings: Optimization) -> None:
    if settings.augmentation not in CONSTANT_AUGMENTATIONS:
        raise UserError(
            f"--optimization.augmentation {settings.augmentation} changes images in every epoch, "
            "but a frozen image tower sees each image once; use none, flip or shrink, or train it"
        )


def _embedding_batch_size(settings: Optimization) -> int:
    """What bounds the memory of training bounds that of validation."""
    return min(EMBEDDING_BATCH_SIZE, settings.chunk_size or EMBEDDING_BATCH_SIZE)


def _standardize(model: DualEncoder, features: SplitFeatures) -> None:
    """Gives standardising heads the statistics of frozen towers' outputs, which stay as they are.

    A running average would still be on its way to them when a short training ends.
    """
    sides = (
        (model.image_encoder, model.image_projection, features.image_features),
        (model.text_encoder, model.text_projection, features.text.get("text_features")),
    )
    for tower, projection, of_side in sides:
        standardization = getattr(projection, "standardization", None)
        # A model's own stay as they are.
        if not tower.trainable and standardization and standardization.trainable:
            set_exact_statistics(standardization, of_side)


def chunked(data: TrainingData, chunk_size: int) -> TrainingData:
    """The same data for a model that encodes a batch chunk by chunk; see `ChunkedModel`."""
    return replace(data, model=ChunkedModel(data.model, chunk_size))


def open_splits(
    directory: Path, splits: tuple[str, str], batch_size: int
) -> tuple[SplitFiles, SplitFiles]:
    """Opens the training and the validation split.

    Raises:
        UserError: a split is missing or has no captions, or a batch does not fit.
    """
    train, validation = (open_split(directory, split) for split in splits)
    for split, name in zip((train, validation), splits, strict=True):
        _check_captions(split, name)
    if batch_size > train.num_records:
        raise UserError(
            f"a batch of {batch_size} does not fit the {train.num_records} images of split "
            f"{splits[0]!r}; use --optimization.batch-size {train.num_records} or less"
        )
    return train, validation


def _check_captions(split: SplitFiles, name: str) -> None:
    bare = [file_name for _, file_name, captions in iterate_texts(split) if not captions]
    if bare:
        raise UserError(
            f"{len(bare)} of the {split.num_records} images of split {name!r} have no captions "
            f"({bare[0]}, say); a dual encoder learns from captions, so build the records from a "
            "CSV or COCO JSON that has them for every image"
        )


def _predict(model: Any, arrays: dict[str, np.ndarray], batch_size: int) -> np.ndarray:
    """Batch by batch from the disk: `model.predict` would read whole arrays into memory."""
    rows = len(next(iter(arrays.values())))
    return np.concatenate(
        [
            model.predict_on_batch(
                {name: array[start : start + batch_size] for name, array in arrays.items()}
            )
            for start in range(0, rows, batch_size)
        ]
    )
