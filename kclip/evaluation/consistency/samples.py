"""The images and class names that modes are compared on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from kclip.data.images.listing import list_images
from kclip.data.images.opening import ImageError, load_image
from kclip.data.labelled.class_folders import read_labelled_folder
from kclip.data.sources.synthetic import generation as synthetic
from kclip.errors import UserError


@dataclass(frozen=True)
class Samples:
    """N images of the model's size, uint8 (N, S, S, 3), and the names of C classes."""

    pixels: np.ndarray
    class_names: tuple[str, ...]


def read_samples(
    preprocessor: Any,
    images: Path | None,
    classes: Sequence[str],
    max_images: int,
    split: str | None = None,
) -> Samples:
    """Reads images, spread evenly over the folder and so over its classes.

    Args:
        preprocessor: of the model; its `prepare` brings images to the model's size.
        images: folder with one sub-folder of images for each class, or any folder of images where
            `classes` are given; None for generated scenes.
        classes: names to choose among; where there are none, those of the folders.
        max_images: the most images.
        split: of class folders, as in `read_labelled_folder`.

    Raises:
        UserError: the folder is missing or holds no images or classes, or an image is damaged.
    """
    if max_images < 1:
        raise UserError(f"--max-images is {max_images}; give a number from 1 up")
    if images is not None:
        return _read(preprocessor, images, classes, max_images, split)
    with TemporaryDirectory(prefix="kclip-scenes-") as scratch:
        folder = Path(scratch) / "scenes"
        per_class = -(-max_images // len(synthetic.NEVER_TRAINED))
        synthetic.generate_scenes(folder, num_train=1, num_dev=1, zero_shot_per_class=per_class)
        return _read(preprocessor, folder / "zero_shot", classes, max_images)


def _read(
    preprocessor: Any,
    images: Path,
    classes: Sequence[str],
    max_images: int,
    split: str | None = None,
) -> Samples:
    if classes:
        paths, names = list_images(images), tuple(classes)
    else:
        folder = read_labelled_folder(images, split=split)
        paths, names = folder.images, folder.class_names
    count = min(max_images, len(paths))
    chosen = [paths[row * len(paths) // count] for row in range(count)]
    return Samples(np.stack([_prepare(preprocessor, path) for path in chosen]), names)


def _prepare(preprocessor: Any, image: Any) -> np.ndarray:
    try:
        loaded = load_image(image)
    except ImageError as error:
        raise UserError(f"{image} can't be used ({error.reason}); correct or remove it") from None
    return preprocessor.prepare(loaded)
