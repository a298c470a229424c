"""What a folder for transformers is made of, whichever class it is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class FolderParts:
    """The content of a folder.

    Attributes:
        files: name of a JSON file -> its content.
        tensors: name -> array, float32.
        notes: sentences about what is not as in kclip.
    """

    files: Mapping[str, Mapping[str, Any]]
    tensors: Mapping[str, np.ndarray]
    notes: list[str]
