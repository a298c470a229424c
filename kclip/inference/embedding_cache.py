"""Embeddings that are kept on disk, known by what the images hold and by the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from kclip.data.images.content import content_digests
from kclip.files import replaced_when_done
from kclip.inference.readable_images import ImageEmbedder
from kclip.reading import open_arrays


@dataclass(frozen=True)
class CachedEmbedder:
    """An embedder that computes the embedding of an image once.

    An image is known by its bytes, so it may be renamed, moved or copied. Of two processes that
    write at once, the last one's embeddings are kept, whole; the others' are computed again.

    Attributes:
        embedder: the model.
        folder: where `MODEL.npz` lies, of each model one; delete it to start anew.
    """

    embedder: ImageEmbedder
    folder: Path

    @cached_property
    def path(self) -> Path:
        """The file of this model's embeddings."""
        return self.folder / f"{self.embedder.digest[:16]}.npz"

    def embed_images(self, images: Sequence[Path | bytes]) -> np.ndarray:
        """Embeds N images: float32 (N, D); raises `ImageError` where one cannot be read."""
        digests = content_digests(images)
        known = self._read()
        missing = {d: image for d, image in zip(digests, images, strict=True) if d not in known}
        if not missing:
            return np.stack([known[digest] for digest in digests])
        known |= zip(missing, self.embedder.embed_images(list(missing.values())), strict=True)
        with replaced_when_done(self.path) as temporary, temporary.open("wb") as file:
            np.savez(file, digests=np.array(list(known)), embeddings=np.stack([*known.values()]))
        return np.stack([known[digest] for digest in digests])

    def _read(self) -> dict[str, np.ndarray]:
        try:
            with open_arrays(self.path, most_bytes=self.path.stat().st_size) as saved:
                return dict(zip(saved["digests"].tolist(), saved["embeddings"], strict=True))
        except (OSError, ValueError, TypeError):
            return {}  # absent or damaged: it is written again
