"""Images with their labels, and the classes that they are judged by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from kclip.data.image_record import ImageRecord, Rejection
from kclip.data.labelled.class_names import shown_names
from kclip.data.labelled.label_matrix import label_matrix, valid_mask_matrix
from kclip.errors import UserError


@dataclass(frozen=True)
class LabelledImages:
    """N images with a class each, or with any number of labels.

    Attributes:
        records: the images, each with its labels, ids unique.
        classes: label -> names of the class in words, in the order of the C classes. There may be
            classes without an image; names are empty where the data set tells the label alone.
        origin: where the images come from, in words.
        rejections: what had to be left out.

    Example:
        >>> cat = ImageRecord("1", "tom.jpg", Path("tom.jpg"), labels=("gatto",))
        >>> dog = ImageRecord("2", "rex.jpg", Path("rex.jpg"), labels=("cane",))
        >>> images = LabelledImages([cat, dog], {"cane": ("dog", "puppy"), "gatto": ("cat",)})
        >>> images.class_names, images.class_indices.tolist()
        (('dog', 'cat'), [1, 0])
        >>> images.rows([1]).file_names
        ('rex.jpg',)
    """

    records: Sequence[ImageRecord]
    classes: Mapping[str, tuple[str, ...]]
    origin: str = "the images"
    rejections: Sequence[Rejection] = field(default_factory=tuple)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def images(self) -> list[Path | bytes]:
        """N files, or encoded bytes."""
        return [record.image for record in self.records]

    @property
    def file_names(self) -> tuple[str, ...]:
        """What the N images are called; two may share a name."""
        return tuple(record.file_name for record in self.records)

    @property
    def label_sets(self) -> list[tuple[str, ...]]:
        """The labels of each image, perhaps none."""
        return [record.labels for record in self.records]

    @property
    def class_names(self) -> tuple[str, ...]:
        """What tables call the C classes."""
        return shown_names(self.classes)

    @cached_property
    def class_indices(self) -> np.ndarray:
        """The class of each image, by its first label: (N,) int64 in [0, C).

        Raises:
            UserError: an image has no label, or one that is none of the classes.
        """
        index_of = {label: index for index, label in enumerate(self.classes)}
        labels = [next(iter(record.labels), "") for record in self.records]
        unknown = next((label for label in labels if label not in index_of), None)
        if unknown is not None:
            what = repr(unknown) if unknown else "an image's label"
            listed = ", ".join(list(self.classes)[:10]) + ", ..." * (len(self.classes) > 10)
            raise UserError(
                f"{what} in {self.origin} is none of the classes: {listed}; "
                "give images of these classes alone"
            )
        return np.array([index_of[label] for label in labels], np.int64)

    def label_matrix(self, class_names: Sequence[str]) -> np.ndarray:
        """Which classes each image has: (N, C) uint8; errors as `label_matrix.label_matrix`."""
        return label_matrix(self.label_sets, class_names)

    def valid_mask(self, class_names: Sequence[str]) -> np.ndarray:
        """Which model outputs are right or wrong: (N, C) bool, False where a label is ignored."""
        return valid_mask_matrix([record.ignored_labels for record in self.records], class_names)

    def rows(self, rows: Sequence[int] | np.ndarray) -> "LabelledImages":
        """Returns some of the images, judged by the same classes."""
        return replace(self, records=[self.records[row] for row in rows], rejections=())

    def with_classes(self, classes: Mapping[str, tuple[str, ...]]) -> "LabelledImages":
        """Returns the same images, judged by other classes."""
        return replace(self, classes=dict(classes))

    def __add__(self, others: "LabelledImages") -> "LabelledImages":
        """Returns these images and others, which are judged by the same classes."""
        if list(self.classes) != list(others.classes):
            raise UserError(f"{self.origin} and {others.origin} have different classes")
        return replace(
            self,
            records=[*self.records, *others.records],
            origin=f"{self.origin} and {others.origin}",
            rejections=[*self.rejections, *others.rejections],
        )
