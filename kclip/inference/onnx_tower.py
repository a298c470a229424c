from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kclip.console.command_line import install_command
from kclip.errors import UserError


class OnnxTower:
    """A tower in an ONNX file, run by onnxruntime on the CPU; called as a Keras model is.

    Args:
        path: the file, as `export_model` writes it: one output, inputs with a batch of any size.

    Raises:
        UserError: onnxruntime is not installed, or the file is missing or damaged.

    Example:
    >>> tower = OnnxTower("exports/demo/onnx/image_tower.onnx")
    >>> tower.predict_on_batch({"image": np.zeros((2, 64, 64, 3))}).shape
    (2, 128)
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._session = _session(self.path)
        dtypes = {"tensor(float)": np.float32, "tensor(int32)": np.int32}
        self.input = {value.name: dtypes[value.type] for value in self._session.get_inputs()}

    def predict_on_batch(self, inputs: Mapping[str, Any]) -> np.ndarray:
        """Runs the tower: a dict of arrays (B, ...), numbers of any type, to float32 (B, D)."""
        arrays = {name: np.asarray(inputs[name], dtype) for name, dtype in self.input.items()}
        outputs: Any = self._session.run(None, arrays)
        return outputs[0]


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            "running an ONNX export takes onnxruntime, which this Python does not have; run: "
            + install_command("export")
        ) from None
    if not path.is_file():
        raise UserError(
            f"{str(path)!r} is not there; export again with --format onnx, the form that kclip runs"
        )
    try:
        return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own kind for each fault
        raise UserError(
            f"{str(path)!r} is damaged; export it again ({type(error).__name__})"
        ) from None
