import os
from pathlib import Path

import numpy as np


def new_array(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> np.memmap:
    """A new `.npy` file as an array in memory that is written through to the disk.

    All of its room on the disk is taken now: where a disk is full later, writing into the array
    would end the process without a word.

    Args:
        path: the file.
        shape: of the array, which starts as zeros.
        dtype: of the array.

    Raises:
        OSError: the disk has not as much room.

    Example:
        >>> import tempfile
        >>> new_array(Path(tempfile.mkdtemp()) / "zeros.npy", (2,), np.float32).tolist()
        [0.0, 0.0]
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        os.posix_fallocate(file.fileno(), 0, size)
    return array
