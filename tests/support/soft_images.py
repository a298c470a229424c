"""Generated images with the soft structure of photographs, whose hashes differ as theirs do."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def soft_image(seed: int, width: int = 160, height: int = 120) -> Image.Image:
    """Random colours at 10 x 8 points, with smooth transitions; another image for each seed."""
    points = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), np.uint8)
    return Image.fromarray(points).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_soft_images(folder: Path, seeds: range) -> list[Path]:
    """Writes `NNN.png` for each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed:03d}.png" for seed in seeds]
    for seed, path in zip(seeds, paths, strict=True):
        path.write_bytes(encoded(soft_image(seed)))
    return paths
