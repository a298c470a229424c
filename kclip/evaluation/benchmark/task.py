"""One data set as the benchmark sees it: frozen features, labels, and fractions to train on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from kclip.data.labelled.copies import split_groups
from kclip.data.labelled.label_matrix import label_matrix, valid_mask_matrix
from kclip.data.labelled.multilabel_split import sample_split
from kclip.data.pipeline.split_reading import iterate_ignored_labels, iterate_labels, iterate_texts
from kclip.data.records.split_digest import split_digest
from kclip.data.records.writer import SplitFiles, open_split
from kclip.errors import UserError
from kclip.evaluation.benchmark.frozen_features import FrozenFeatures, frozen_features
from kclip.features import FeatureStore
from kclip.inference.embedder import Embedder
from kclip.multilabel.queries.query_sources import PromptQueries


@dataclass(frozen=True)
class LabelledFeatures:
    """N images and the C classes that each has.

    Attributes:
        features: of the N images.
        labels: (N, C) of 0 and 1.
        valid_mask: (N, C) bool, False where an output does not count ("difficult" in VOC).
    """

    features: FrozenFeatures
    labels: np.ndarray
    valid_mask: np.ndarray


@dataclass(frozen=True)
class Task:
    """A data set, and the frozen model that its images and class names went through.

    Attributes:
        name: of the data set.
        data: its folder.
        digest: of its records: images, captions and labels.
        class_names: C names, in the order of the labels' columns.
        queries: float32 (C, D), L2-normalised: the names in prompts.
        train: images that are sampled from; zero-shot methods see none of them.
        test: images that all are measured on.
        embedder: the model.
    """

    name: str
    data: Path
    digest: str
    class_names: list[str]
    queries: np.ndarray
    train: LabelledFeatures
    test: LabelledFeatures
    embedder: Embedder
    _drawn: dict[tuple[float, int], np.ndarray] = field(default_factory=dict)

    def rows(self, ratio: float, seed: int) -> np.ndarray:
        """The training images of a ratio: stratified, and those of smaller ratios among them."""
        if (ratio, seed) not in self._drawn:
            split = sample_split(self.train.labels, self.class_names, ratio, seed)
            self._drawn[ratio, seed] = split.train
        return self._drawn[ratio, seed]

    @cached_property
    def train_groups(self) -> np.ndarray:
        """(R,) int64: the group of copies of each training image, see `split_groups`."""
        return split_groups(open_split(self.data, "train"))

    @cached_property
    def captions(self) -> list[str]:
        """The first caption of each training image that has one."""
        captions = (of_image for *_, of_image in iterate_texts(open_split(self.data, "train")))
        return [of_image[0] for of_image in captions if of_image]


def open_multilabel_task(
    data: Path,
    test_split: str,
    embedder: Embedder,
    templates: Sequence[str],
    store: FeatureStore | None = None,
) -> Task:
    """Reads the labels of a folder of TFRecords and has the features computed.

    Args:
        data: folder of TFRecords with a split `train`.
        test_split: the split that is measured.
        embedder: the frozen model.
        templates: prompts with {} for the class name.
        store: where features are kept; by default that of `FeatureStore.at()`.

    Raises:
        UserError: a split is missing, or has no labels.
    """
    splits = {name: open_split(data, name) for name in ("train", test_split)}
    names = {name: [row for _, row in iterate_labels(split)] for name, split in splits.items()}
    class_names = sorted({label for rows in names.values() for row in rows for label in row})
    if len(class_names) < 2:
        raise UserError(
            f"{data} has {len(class_names)} classes; build it with --labels of two or more"
        )

    def labelled(name: str, split: SplitFiles) -> LabelledFeatures:
        ignored = (row for _, row in iterate_ignored_labels(split))
        return LabelledFeatures(
            frozen_features(embedder, split, store or FeatureStore.at()),
            label_matrix(names[name], class_names),
            valid_mask_matrix(ignored, class_names),
        )

    source = PromptQueries(embedder, templates, embedder.model.projection_dim)
    train, test = (labelled(name, split) for name, split in splits.items())
    queries = source.embed_classes(class_names)
    digest = "-".join(split_digest(split) for split in splits.values())
    return Task(data.resolve().name, data, digest, class_names, queries, train, test, embedder)
