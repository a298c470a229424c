"""The classes of a run, and what its images have of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kclip.data.labelled.label_matrix import label_matrix, valid_mask_matrix
from kclip.data.pipeline.split_reading import iterate_ignored_labels, iterate_labels
from kclip.data.records.writer import SplitFiles
from kclip.errors import UserError
from kclip.multilabel.class_split import ClassSplit, read_class_split
from kclip.multilabel.queries.label_sentences import LabelSets
from kclip.multilabel.queries.query_sources import QuerySource
from kclip.training.clip_decoder.label_targets import LabelTargets


@dataclass(frozen=True)
class DecoderLabels:
    """The labels of both splits.

    Args:
        classes: seen, then unseen ones.
        train: uint8 (N, S), of the seen classes alone.
        validation: uint8 (M, S + U), of all.
        train_valid_mask: bool (N, S), False where a class is ignored in an image.
        validation_valid_mask: bool (M, S + U), likewise.
    """

    classes: ClassSplit
    train: np.ndarray
    validation: np.ndarray
    train_valid_mask: np.ndarray
    validation_valid_mask: np.ndarray

    @property
    def seen_validation(self) -> np.ndarray:
        """(M, S): what validation during training may look at."""
        return self.validation[:, : len(self.classes.seen)]

    @property
    def seen_validation_valid_mask(self) -> np.ndarray:
        """(M, S): which of these count."""
        return self.validation_valid_mask[:, : len(self.classes.seen)]


def read_labels(
    data: Path,
    train: SplitFiles,
    validation: SplitFiles,
    seen_file: Path | None,
    unseen_file: Path | None,
) -> DecoderLabels:
    """Reads the classes from files, or takes all labels of the training split for seen ones.

    Args:
        data: the records' folder, whose `seen_classes.txt` and `unseen_classes.txt` are read where
            no file is given.
        train: records to train on.
        validation: records to measure on.
        seen_file: a list of classes, one a line, or None.
        unseen_file: the same.

    Raises:
        UserError: a list cannot be read, or a split has no label of the classes.
    """
    of_train = [labels for _, labels in iterate_labels(train)]
    of_validation = [labels for _, labels in iterate_labels(validation)]
    classes = read_class_split(data, seen_file, unseen_file)
    if classes is None or not classes.seen:
        unseen = () if classes is None else classes.unseen
        found = {name for labels in of_train for name in labels} - set(unseen)
        if not found:
            raise UserError(
                f"no image of {str(data)!r} has a label to train on; build the records from a "
                "source of labels, such as a CSV of image,tags"
            )
        classes = ClassSplit(tuple(sorted(found)), unseen)
    for names in (classes.seen, classes.unseen):
        if names:  # now, not after hours of training
            label_matrix(of_validation, names)
    return DecoderLabels(
        classes,
        label_matrix(of_train, classes.seen),
        label_matrix(of_validation, classes.class_names),
        valid_mask_matrix(_ignored(train), classes.seen),
        valid_mask_matrix(_ignored(validation), classes.class_names),
    )


def label_targets(
    labels: np.ndarray,
    class_names: Sequence[str],
    source: QuerySource | None,
    sentence: str,
    valid_mask: np.ndarray | None = None,
) -> LabelTargets:
    """Makes the targets of training.

    An ignored label costs nothing in the classification, and no sentence names it.

    Args:
        labels: (N, C) of 0 and 1.
        class_names: C names.
        source: what embeds the sentences of labels; None without alignment.
        sentence: with {} where the names go.
        valid_mask: (N, C) bool, False where a label is ignored; by default all count.

    Raises:
        UserError: the source has no sentence encoder.
    """
    sets = LabelSets.of_images(labels)
    texts = None if source is None else sets.embed(source, class_names, sentence)
    if valid_mask is not None and valid_mask.all():
        valid_mask = None  # nothing to carry through every batch
    return LabelTargets(np.asarray(labels, np.uint8), sets.ids, texts, valid_mask)


def _ignored(split: SplitFiles) -> list[list[str]]:
    return [names for _, names in iterate_ignored_labels(split)]
