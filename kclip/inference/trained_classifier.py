"""A fine-tuned classifier as a user of it sees it: files in, probabilities out."""

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kclip.data.images.opening import ImageSource
from kclip.files import folder_replaced_when_done, write_text
from kclip.files.checksums import note_checksums
from kclip.inference.batches import compute_batches
from kclip.models.folder.content import CARD_FILE

if TYPE_CHECKING:
    from kclip.models import ImageClassifier

TRAINED_ON = "trained_on.txt"


class TrainedClassifier:
    """Puts images into the classes that a network was fine-tuned on.

    It has `digest` and `embed_images`, as `kclip.Embedder` has: C probabilities are an embedding,
    too, and `CachedEmbedder` keeps them.

    Args:
        model: `kclip.models.ImageClassifier`.
        trained_on: content digests (`kclip.data.images.content`) of its training and validation
            images.

    Example:
    >>> classifier = TrainedClassifier.from_folder("runs/xception/model")
    >>> probabilities = classifier.embed_images(["dog.jpg"])
    >>> probabilities.shape == (1, len(classifier.class_names))
    True
    """

    def __init__(self, model: "ImageClassifier", trained_on: Collection[str] = ()):
        self.model = model
        self.trained_on = frozenset(trained_on)

    @classmethod
    def from_folder(cls, folder: str | Path) -> "TrainedClassifier":
        """Loads a model folder, in float32; or one of the Hugging Face hub, "owner/name".

        Raises:
            UserError: the folder is missing, damaged, or holds another kind of model.
        """
        from kclip.models import ImageClassifier
        from kclip.models.pretrained.hub import local_folder

        folder = local_folder(folder)
        model = ImageClassifier.from_preset(str(folder), dtype="float32")
        path = folder / TRAINED_ON
        return cls(model, path.read_text().split() if path.is_file() else ())

    def save(self, folder: Path, card: str = "") -> None:
        """Writes a model folder, which appears when it is complete.

        Args:
            folder: replaced if it is there.
            card: the text of its README.md.
        """
        with folder_replaced_when_done(folder) as new:
            self.model.save_to_preset(str(new))
            lines = (f"{digest}\n" for digest in sorted(self.trained_on))
            write_text(new / TRAINED_ON, "".join(lines))
            note_checksums(new)
            if card:
                write_text(new / CARD_FILE, card)

    @property
    def class_names(self) -> list[str]:
        """The C classes in the order of the probabilities."""
        return self.model.class_names

    @property
    def backbone(self) -> str:
        """The name of the network."""
        return self.model.image_encoder.backbone_name

    @property
    def digest(self) -> str:
        """Hex digest of weights, resizing and classes: what kept probabilities depend on."""
        digest = hashlib.sha256()
        for weight in self.model.get_weights():
            digest.update(np.ascontiguousarray(weight).data)
        encoder = self.model.image_encoder
        settings = [self.backbone, encoder.image_size, self.model.resize_mode, self.class_names]
        digest.update(json.dumps(settings).encode())
        return digest.hexdigest()

    def embed_images(
        self, images: Sequence[ImageSource], batch_size: int = 64, progress: bool = True
    ) -> np.ndarray:
        """Classifies image files.

        Args:
            images: N paths, encoded images, Pillow images or uint8 arrays (H, W, 3).
            batch_size: images that go through the model at once.
            progress: show a progress bar.

        Returns:
            float32 (N, C) probabilities.

        Raises:
            ImageError: one of them cannot be read.
        """
        width, what = len(self.class_names), "Classifying" if progress else None
        return compute_batches(
            images, self.model.prepare, self.model.predict_on_batch, width, batch_size, what
        )
