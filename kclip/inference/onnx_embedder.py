"""An ONNX export as a user of it sees it: files and strings in, embeddings out, no TensorFlow."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kclip.data.images.opening import ImageSource
from kclip.files.checksums import refuse_changed_files
from kclip.inference.batches import compute_batches
from kclip.inference.onnx_tower import OnnxTower
from kclip.inputs.resizing import resized_in_bytes, resized_in_floats
from kclip.inputs.text_tokenizer import TextTokenizer
from kclip.metrics.similarity import l2_normalize
from kclip.reading import in_one_sentence, read_file, read_json_file

EXPORT_FILE, TOKENIZER_FILE = "export.json", "tokenizer.json"
_AGAIN = "export the model again"


class OnnxEmbedder:
    """Puts images and texts into an exported model's space, as `kclip.Embedder` does.

    Takes onnxruntime, NumPy, Pillow and `tokenizers`; of a CLIP's texts ftfy, too. A tower is read
    when it is first asked.

    Args:
        folder: that `export_model` wrote, with ONNX among its formats.

    Raises:
        UserError: it holds no such export, one of an older version of kclip, or is damaged.

    Example:
    >>> embedder = OnnxEmbedder("exports/demo")
    >>> embedder.embed_texts(["a red circle"]).shape
    (1, 128)
    """

    precision = "float32"

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._check(EXPORT_FILE)
        with in_one_sentence(str(self.folder / EXPORT_FILE), _AGAIN):
            self.settings: dict[str, Any] = read_json_file(self.folder / EXPORT_FILE)
            self.projection_dim = int(self.settings["projection_dim"])
            self.image_size = int(self.settings["image_size"])
            self._digest = str(self.settings["digest"])
            self._scale = float(self.settings["logit_scale"])

    @property
    def logit_scale(self) -> float:
        """What similarities are multiplied with to become logits."""
        return self._scale

    @property
    def digest(self) -> str:
        """That of the model that was exported, whose index this one may ask."""
        return self._digest

    def embed_images(
        self, images: Sequence[ImageSource], batch_size: int = 64, progress: bool = True
    ) -> np.ndarray:
        """Embeds N image files: float32 (N, D), L2-normalised; see `kclip.Embedder`."""
        what = "Embedding images" if progress else None
        width = self.projection_dim
        return l2_normalize(
            compute_batches(images, self._prepare, self.embed_batch, width, batch_size, what)
        )

    def embed_batch(self, images: np.ndarray) -> np.ndarray:
        """Embeds B images of the model's size, (B, S, S, 3) in [0, 255], to float32 (B, D)."""
        return self._image_tower.predict_on_batch({"image": images})

    def embed_texts(self, texts: Sequence[str], batch_size: int = 256) -> np.ndarray:
        """Embeds M strings: float32 (M, D), L2-normalised."""
        embeddings = [np.zeros((0, self.projection_dim), np.float32)]
        for start in range(0, len(texts), batch_size):
            tokens = self.tokenize(list(texts[start : start + batch_size]))
            embeddings.append(self._text_tower.predict_on_batch(tokens))
        return l2_normalize(np.concatenate(embeddings))

    @cached_property
    def tokenize(self) -> Callable[[Sequence[str]], dict[str, np.ndarray]]:
        """From B strings to the text tower's inputs, int32 (B, L)."""
        self._check(TOKENIZER_FILE)
        path = self.folder / TOKENIZER_FILE
        with in_one_sentence(str(path), _AGAIN):
            return TextTokenizer(read_file(path).decode(), **self.settings["tokenizer"])

    @cached_property
    def _prepare(self) -> Callable[[Any], np.ndarray]:
        numbers = self.settings
        if numbers["preprocessor"] == "ClipPreprocessor":
            names = ("resize", "interpolation", "resize_size", "crop_margin")
            values = [numbers[name] for name in names]
            return lambda image: resized_in_bytes(image, self.image_size, *values)
        return lambda image: resized_in_floats(image, self.image_size, numbers["resize"])

    @cached_property
    def _image_tower(self) -> OnnxTower:
        return self._tower("onnx/image_tower.onnx")

    @cached_property
    def _text_tower(self) -> OnnxTower:
        return self._tower("onnx/text_tower.onnx")

    def _tower(self, name: str) -> OnnxTower:
        self._check(name)
        return OnnxTower(self.folder / name)

    def _check(self, name: str) -> None:
        """What the digest stands for must be what was written."""
        refuse_changed_files(self.folder, lambda other: other == name, _AGAIN)


def is_light_export(folder: str | Path) -> bool:
    """Whether a folder is an export that `OnnxEmbedder` takes."""
    path = Path(folder)
    names = (EXPORT_FILE, TOKENIZER_FILE, "onnx/text_tower.onnx", "onnx/image_tower.onnx")
    if not all((path / name).is_file() for name in names):
        return False
    with in_one_sentence(str(path / EXPORT_FILE), _AGAIN):
        settings = read_json_file(path / EXPORT_FILE)
        return bool(settings.get("tokenizer")) and "digest" in settings


def open_embedder(name_or_path: str | Path) -> Any:
    """The embedder of a model: that of an ONNX export without TensorFlow, any other in Keras.

    Args:
        name_or_path: as of `kclip.load`.

    Returns:
        `OnnxEmbedder` or `kclip.Embedder`.

    Raises:
        UserError: as `kclip.load`.
    """
    if is_light_export(name_or_path):
        return OnnxEmbedder(name_or_path)
    from kclip.inference.embedder import Embedder

    return Embedder.from_name(name_or_path)
