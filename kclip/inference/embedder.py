"""A trained model as a user of it sees it: files and strings in, embeddings out."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.data.images.opening import ImageSource
from kclip.inference.batches import compute_batches
from kclip.metrics.similarity import l2_normalize

if TYPE_CHECKING:
    from kclip.models import CLIP, ClipPreprocessor, DualEncoder, DualEncoderPreprocessor


class Embedder:
    """Puts images and texts into a model's space.

    Args:
        model: `kclip.models.DualEncoder` or `CLIP`.
        preprocessor: the model's own, `kclip.models.DualEncoderPreprocessor` or
            `ClipPreprocessor`.
        precision: the dtype policy that the model was loaded in to answer.

    Example:
    >>> embedder = Embedder.from_name("runs/demo/model")
    >>> texts = embedder.embed_texts(["a red circle", "two blue squares"])
    >>> (texts @ texts.T).shape
    (2, 2)
    """

    def __init__(
        self,
        model: "DualEncoder | CLIP",
        preprocessor: "DualEncoderPreprocessor | ClipPreprocessor",
        precision: str = "float32",
    ):
        self.model = model
        self.precision = precision
        self.preprocessor = preprocessor

    @classmethod
    def from_name(cls, name_or_path: str | Path, dtype: str = "float32") -> "Embedder":
        """Loads whatever `kclip.load` takes.

        Args:
            name_or_path: as of `kclip.load`.
            dtype: dtype policy of everything in the model, frozen towers included. What
                "mixed_bfloat16" saves and costs, `benchmarks/bfloat16.py` measures.

        Raises:
            UserError: as `kclip.load`.
        """
        from kclip.inference.loading import load_model

        model, preprocessor = load_model(name_or_path, dtype)
        if dtype != "float32":
            from kclip.inference.precision import with_precision

            model = with_precision(model, dtype)
        return cls(model, preprocessor, dtype)

    def embed_images(
        self, images: Sequence[ImageSource], batch_size: int = 64, progress: bool = True
    ) -> np.ndarray:
        """Embeds image files.

        Args:
            images: N paths, encoded images, Pillow images or uint8 arrays (H, W, 3).
            batch_size: images that go through the model at once.
            progress: show a progress bar.

        Returns:
            float32 (N, D), L2-normalised.

        Raises:
            ImageError: one of them cannot be read; `load_image` names why.
        """
        what = "Embedding images" if progress else None
        width, prepare = self.model.projection_dim, self.preprocessor.prepare
        return l2_normalize(
            compute_batches(images, prepare, self.embed_batch, width, batch_size, what)
        )

    def embed_texts(self, texts: Sequence[str], batch_size: int = 256) -> np.ndarray:
        """Embeds M strings: float32 (M, D), L2-normalised."""
        embeddings = [np.zeros((0, self.model.projection_dim), np.float32)]
        for start in range(0, len(texts), batch_size):
            tokens = self.preprocessor.tokenize(list(texts[start : start + batch_size]))
            embeddings.append(self.model.encode_text(tokens))
        # The model normalises by itself, unless it was trained the way of keras.io's example.
        return l2_normalize(np.concatenate(embeddings))

    @property
    def logit_scale(self) -> float:
        """What similarities are multiplied with to become logits."""
        return float(self.model.logit_scale.scale)

    @property
    def digest(self) -> str:
        """Hex digest of weights, preprocessing and precision: what saved embeddings depend on.

        An export has that of the model that was exported.
        """
        source = getattr(self.model, "source_digest", None)
        if source is not None:
            return source
        digest = hashlib.sha256()
        for weight in self.model.get_weights():
            digest.update(np.ascontiguousarray(weight).data)
        settings = [self.model.settings, self.preprocessor.settings]
        if self.precision != "float32":
            settings.append(self.precision)
        digest.update(json.dumps(settings).encode())
        return digest.hexdigest()

    def embed_batch(self, images: np.ndarray) -> np.ndarray:
        """Embeds B images of the model's size, float (B, S, S, 3) in [0, 255], to (B, D)."""
        return embed_views(
            lambda view: self.model.image_model.predict_on_batch({"image": view}),
            [images, images[:, :, ::-1]] if self.preprocessor.mirror else [images],
        )


def embed_views(embed: Callable[[Any], np.ndarray], views: Sequence[Any]) -> np.ndarray:
    """Embeds several views of the same images and takes the mean, of unit length if they are many.

    Args:
        embed: function from a view of N images to embeddings (N, D).
        views: the images, and perhaps their mirror images.

    Returns:
        float32 (N, D).
    """
    if len(views) == 1:
        return embed(views[0])
    return l2_normalize(np.mean([embed(view) for view in views], axis=0))
