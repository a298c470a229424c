"""CIFAR-10 and CIFAR-100 in their binary version.

The Python version of the data sets is a pickle, which can run code when it is opened; the binary
version is plain bytes and holds the same images.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from kclip.data.labelled.images import LabelledImages
from kclip.data.sources.layout import first_existing, image_record
from kclip.data.sources.text_files import read_list
from kclip.errors import UserError

SIDE = 32
GUIDE = (
    "{title} is on www.cs.toronto.edu/~kriz/cifar.html: take the binary version and unpack it so "
    "that --data-dir holds {folder}/ with {files}."
)


def read_cifar10(data_dir: Path) -> LabelledImages:
    """Reads the test set of CIFAR-10: `cifar-10-batches-bin/test_batch.bin`, `batches.meta.txt`.

    Args:
        data_dir: holds `cifar-10-batches-bin`, or is it.

    Returns:
        10,000 images as PNG bytes, in the order of the file.

    Raises:
        UserError: the data set is missing or of another version.
    """
    return _read(
        data_dir, "CIFAR-10", "cifar-10-batches-bin", "test_batch.bin", "batches.meta.txt", 1
    )


def read_cifar100(data_dir: Path) -> LabelledImages:
    """Reads the test set of CIFAR-100: `cifar-100-binary/test.bin`, `fine_label_names.txt`.

    As `read_cifar10`; the classes are the 100 fine ones.
    """
    return _read(data_dir, "CIFAR-100", "cifar-100-binary", "test.bin", "fine_label_names.txt", 2)


def _read(
    data_dir: Path, title: str, folder: str, images: str, names: str, label_bytes: int
) -> LabelledImages:
    guide = GUIDE.format(title=title, folder=folder, files=f"{images} and {names}")
    path = first_existing([data_dir / folder / images, data_dir / images], guide)
    class_names = read_list(first_existing([path.with_name(names)], guide))
    row_size = label_bytes + 3 * SIDE * SIDE
    data = np.fromfile(path, np.uint8)
    if not len(data) or len(data) % row_size:
        raise UserError(f"{path} has {len(data)} bytes, not a multiple of {row_size}. {guide}")
    rows = data.reshape(-1, row_size)
    labels = rows[:, label_bytes - 1]  # CIFAR-100 has a coarse label before the fine one
    if labels.max() >= len(class_names):
        raise UserError(
            f"{path} has the label {labels.max()}, but {path.with_name(names)} names "
            f"{len(class_names)} classes. {guide}"
        )
    pixels = rows[:, label_bytes:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    records = [
        image_record(f"{path.stem}/{number:05d}.png", _png(image), class_names[label])
        for number, (image, label) in enumerate(zip(pixels, labels.tolist(), strict=True))
    ]
    return LabelledImages(records, {name: (name,) for name in class_names})


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
