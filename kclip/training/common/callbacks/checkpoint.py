"""All variables of a run in one file, whole or absent."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kclip.files import replaced_when_done
from kclip.reading import in_one_sentence, open_arrays


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
    """Reads what `save_arrays` wrote: the arrays in order, and the state.

    Raises:
        UserError: the file is missing or damaged.
    """
    advice = "start the run again in another folder"
    with (
        in_one_sentence(f"the state of the run in {str(path)!r}", advice),
        open_arrays(path, most_bytes=path.stat().st_size) as content,
    ):
        names = sorted(name for name in content if name != "state")
        return [content[name] for name in names], json.loads(str(content["state"]))
