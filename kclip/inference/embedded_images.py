"""Labelled images with their embeddings."""

from dataclasses import dataclass

import numpy as np

from kclip.data.labelled.images import LabelledImages
from kclip.errors import UserError
from kclip.inference.readable_images import Compute, compute_labelled


@dataclass(frozen=True)
class EmbeddedImages:
    """N images, and a row for each that a model made of it.

    Attributes:
        images: the N images with their classes.
        embeddings: (N, D) float32.
    """

    images: LabelledImages
    embeddings: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labels(self) -> np.ndarray:
        """The class of each image: (N,) int64 in [0, C)."""
        return self.images.class_indices

    def rows(self, rows: np.ndarray) -> "EmbeddedImages":
        """Returns some of the images."""
        return EmbeddedImages(self.images.rows(rows), self.embeddings[rows])

    def __add__(self, others: "EmbeddedImages") -> "EmbeddedImages":
        """Returns these images and others, which are judged by the same classes."""
        embeddings = np.concatenate([self.embeddings, others.embeddings])
        return EmbeddedImages(self.images + others.images, embeddings)


def embed_labelled_images(compute: Compute, images: LabelledImages) -> EmbeddedImages:
    """Embeds images of one class each that can be read; the others are printed and left out.

    Args:
        compute: from N images to an array (N, D), such as `Embedder.embed_images`.
        images: with classes.

    Raises:
        UserError: there are no images, an image is of none of the classes, or more of the images
            can't be read than may be left out.
    """
    if not len(images):
        raise UserError("there is no image to classify; give a folder or split that has some")
    _ = images.class_indices  # a wrong class shows before the work is done
    return EmbeddedImages(*compute_labelled(compute, images))
