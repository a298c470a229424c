"""All variables of a run in one file, whole or absent."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kclip.files import replaced_when_done


def save_arrays(path: Path, arrays: Sequence[np.ndarray], state: Any) -> None:
    """Writes a list of arrays and a state into one `.npz`, atomically.

    Args:
        path: the file.
        arrays: NumPy arrays.
        state: anything that JSON can hold.
    """
    named = {f"array_{number:05d}": array for number, array in enumerate(arrays)}
    with replaced_when_done(path, durable=True) as temporary, temporary.open("wb") as file:
        np.savez(file, state=np.array(json.dumps(state)), **named)


def load_arrays(path: Path) -> tuple[list[np.ndarray], Any]:
    """Reads what `save_arrays` wrote: the arrays in order, and the state."""
    with np.load(path, allow_pickle=False) as content:
        names = sorted(name for name in content.files if name != "state")
        return [content[name] for name in names], json.loads(str(content["state"]))
