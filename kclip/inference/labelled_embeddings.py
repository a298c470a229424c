"""Image embeddings with their classes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kclip.data.images.faults import report_left_out
from kclip.data.labelled.images import LabelledImages
from kclip.errors import UserError
from kclip.inference.readable_images import embed_readable_images

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder


@dataclass(frozen=True)
class LabelledEmbeddings:
    """Embeddings of N images of known classes.

    Attributes:
        embeddings: (N, D) float32, L2-normalised.
        labels: (N,) integers in [0, C).
        file_names: N names.
    """

    embeddings: np.ndarray
    labels: np.ndarray
    file_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, rows: np.ndarray) -> "LabelledEmbeddings":
        """Returns some of the images."""
        names = tuple(self.file_names[row] for row in rows)
        return LabelledEmbeddings(self.embeddings[rows], self.labels[rows], names)

    def __add__(self, others: "LabelledEmbeddings") -> "LabelledEmbeddings":
        """Returns these images and others."""
        return LabelledEmbeddings(
            np.concatenate([self.embeddings, others.embeddings]),
            np.concatenate([self.labels, others.labels]),
            self.file_names + others.file_names,
        )


def embed_labelled_images(
    embedder: "Embedder", images: LabelledImages, labels: list[str]
) -> LabelledEmbeddings:
    """Embeds images that can be read; the others are printed and left out.

    Args:
        embedder: the model.
        images: with classes that are among `labels`.
        labels: the C classes in the order of the classifier.

    Raises:
        UserError: there are no images, a class is not among `labels`, or more than 1 % of the
            images can't be read.
    """
    faults = {fault.file_name: fault.reason for fault in images.rejections}
    report_left_out(faults, len(images.records) + len(faults))
    if not images.records:
        raise UserError("there is no image to classify; give a folder or split that has some")
    unknown = sorted({record.labels[0] for record in images.records} - set(labels))
    if unknown:
        raise UserError(f"{unknown[0]!r} is none of the classes: {', '.join(labels[:10])}, ...")
    files, names = [r.image for r in images.records], [r.file_name for r in images.records]
    embeddings, readable = embed_readable_images(embedder, files, names)
    numbers = {label: number for number, label in enumerate(labels)}
    rows = [images.records[row] for row in readable]
    return LabelledEmbeddings(
        embeddings,
        np.array([numbers[record.labels[0]] for record in rows]),
        tuple(record.file_name for record in rows),
    )
