"""Class folders of a few small pictures that a tiny network tells apart in seconds."""

from pathlib import Path

import numpy as np
from PIL import Image

COLORS = {"blue": (40, 80, 220), "green": (40, 180, 60), "red": (220, 40, 40)}


def write_class_folders(folder: Path, per_class: int, seed: int = 0) -> Path:
    """Writes `folder/COLOR/NUMBER.png`: plain colours with noise, each file another."""
    rng = np.random.default_rng(seed)
    for name, color in COLORS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            pixels = np.array(color) + rng.normal(0, 30, (24, 24, 3))
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(folder / name / f"{number}.png")
    return folder
