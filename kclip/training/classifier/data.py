"""Class folders to the batches that a classifier is fine-tuned on."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from kclip.config.classifier import ClassifierSettings
from kclip.console.progress import ProgressBar
from kclip.data.images.decoding import DECODING_THREADS
from kclip.data.images.faults import image_fault, report_left_out
from kclip.data.labelled.class_folders import (
    CALIBRATION,
    TRAINING,
    check_same_classes,
    read_labelled_folder,
)
from kclip.data.labelled.copies import image_groups, warn_of_shared_copies
from kclip.data.labelled.images import LabelledImages
from kclip.data.labelled.labelled_folder import LabelledFolder
from kclip.data.labelled.stratified import sample_fraction
from kclip.data.pipeline.augmentation import build_augmentation
from kclip.data.sources.folders import ALL_SPLITS
from kclip.errors import UserError
from kclip.models import ImageClassifier
from kclip.training.classifier.image_batches import ImageBatches


@dataclass(frozen=True)
class ClassifierData:
    """The images to train on and those that choose the epoch."""

    train: LabelledImages
    validation: LabelledImages


def read_classifier_data(
    images: Path,
    split: str | None,
    train_fraction: float | None,
    validation_images: Path | None,
    validation_fraction: float,
    seed: int,
) -> ClassifierData:
    """Reads class folders and splits them; copies of an image stay on one side.

    Args:
        images: class folders, or folders of splits that hold such.
        split: the split to train on, as in `LabelledFolder.read`.
        train_fraction: what part of each class to use at all; None for everything. The rest is what
            compare_classifiers tests on if it is given the same fraction and seed.
        validation_images: class folders of other images to validate on, or None.
        validation_fraction: part of each class to validate on where there are no such folders and
            `images` has no split for it.
        seed: of both samples.

    Raises:
        UserError: the folders hold no classes or different ones, a fraction leaves a class without
            an image, or more of the images can't be read than may be left out.
    """
    folder = LabelledFolder.read(images, split)
    if train_fraction is not None:
        folder.check_pooled(split, "--train-fraction")
    train = folder.take(split, TRAINING, "training")
    if train_fraction is not None:
        train, _ = _sampled(train, train_fraction, seed, "--train-fraction")
    if validation_images is not None:
        options = {"wanted": CALIBRATION, "use": "validation"}
        validation = read_labelled_folder(validation_images, **options)
        check_same_classes(train, validation)
        warn_of_shared_copies(train, validation)
    elif train_fraction is None and split != ALL_SPLITS and folder.has("validation"):
        validation = folder.take("validation", (), "validation")
        check_same_classes(train, validation)
        warn_of_shared_copies(train, validation)
    else:
        validation, train = _sampled(train, validation_fraction, seed, "--validation-fraction")
    data = ClassifierData(readable_part(train), readable_part(validation))
    empty = np.setdiff1d(np.arange(len(train.classes)), data.train.class_indices)
    if len(empty):
        raise UserError(
            f"the class {train.class_names[empty[0]]!r} of {train.origin} has no image to train "
            "on; add images, or take the class away"
        )
    return data


def _sampled(
    images: LabelledImages, fraction: float, seed: int, flag: str
) -> tuple[LabelledImages, LabelledImages]:
    """A fraction of each class, and the rest."""
    groups = image_groups(images)
    rows, rest = sample_fraction(images.class_indices, fraction, seed, flag, groups=groups)
    return images.rows(rows), images.rows(rest)


def readable_part(folder: LabelledImages) -> LabelledImages:
    """Decodes all images once, now rather than in the middle of an epoch.

    Raises:
        UserError: more than 1 % of them can't be read; fewer are printed and left out.
    """
    with ThreadPoolExecutor(DECODING_THREADS) as pool:
        faults = pool.map(image_fault, folder.images)
        faults = list(ProgressBar(faults, total=len(folder), unit="img", desc="Checking images"))
    named = zip(folder.file_names, faults, strict=True)
    report_left_out([(name, fault) for name, fault in named if fault], len(folder))
    return folder.rows([row for row, fault in enumerate(faults) if not fault])


def build_batches(
    data: ClassifierData, model: ImageClassifier, settings: ClassifierSettings
) -> tuple[ImageBatches, ImageBatches, ImageBatches]:
    """Training batches, shuffled and augmented; the same images plain; validation batches."""
    augment = build_augmentation(settings.augmentation, settings.seed)
    if augment is not None:
        # Several times faster than op by op; the last batch may be smaller.
        augment = tf.function(augment, reduce_retracing=True)
    options = {"prepare": model.prepare, "batch_size": settings.batch_size}
    train = data.train.images, data.train.class_indices
    return (
        ImageBatches(*train, **options, augment=augment, shuffle=True, seed=settings.seed),
        ImageBatches(*train, **options),
        validation_batches(data, model, settings),
    )


def validation_batches(
    data: ClassifierData, model: ImageClassifier, settings: ClassifierSettings
) -> ImageBatches:
    """The validation images as they are, in their order."""
    folder = data.validation
    return ImageBatches(folder.images, folder.class_indices, model.prepare, settings.batch_size)
