"""An embedder that knows colours and nothing else, so that tests need no trained model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from kclip.data.images.opening import load_image

COLORS = {
    "red": (220, 40, 40),
    "green": (40, 180, 60),
    "blue": (40, 80, 220),
    "yellow": (240, 220, 50),
    "purple": (140, 50, 170),
    "grey": (130, 130, 130),
}


class FakeEmbedder:
    """Has the interface of `kclip.inference.embedder.Embedder`."""

    preprocessor = None

    def __init__(self, digest: str = "c0ffee"):
        self.digest = digest
        self.logit_scale = 20.0
        self.num_embedded = 0

    def embed_images(
        self, images: Sequence[Path], batch_size: int = 64, progress: bool = True
    ) -> np.ndarray:
        rows = [self._nearness(np.asarray(load_image(image), np.float32)) for image in images]
        self.num_embedded += len(images)
        return _unit(np.stack(rows))

    def embed_texts(self, texts: Sequence[str], batch_size: int = 256) -> np.ndarray:
        rows = [
            [0.02 + (color in text.lower().rstrip(".").split()) for color in COLORS]
            for text in texts
        ]
        return _unit(np.array(rows))

    @staticmethod
    def _nearness(pixels: np.ndarray) -> np.ndarray:
        mean = pixels.reshape(-1, 3).mean(axis=0)
        distances = np.linalg.norm(np.array(list(COLORS.values())) - mean, axis=1)
        return np.exp(-distances / 40)


def write_color_images(directory: Path, per_color: int = 3, size: int = 24) -> list[Path]:
    """Writes `directory/COLOR_N.png`, plain colours with noise."""
    rng = np.random.default_rng(0)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, color in COLORS.items():
        for number in range(per_color):
            pixels = np.array(color) + rng.normal(0, 12, (size, size, 3))
            path = directory / f"{name}_{number}.png"
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
            paths.append(path)
    return paths


def write_class_folders(directory: Path, per_color: int = 3) -> None:
    """Writes `directory/COLOR/COLOR_N.png`."""
    for path in write_color_images(directory, per_color):
        (directory / path.stem.split("_")[0]).mkdir(exist_ok=True)
        path.rename(directory / path.stem.split("_")[0] / path.name)


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
