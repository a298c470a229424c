"""The two towers as ONNX and LiteRT files: pixels to embeddings, token ids to embeddings."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from kclip.export.towers import image_tower, text_tower

if TYPE_CHECKING:
    from kclip.embedding import Embedder

SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}  # Keras insists on .tflite


def export_towers(embedder: "Embedder", folder: Path, file_format: str) -> None:
    """Writes `image_tower` and `text_tower` into a folder.

    Args:
        embedder: the model, in float32.
        folder: made if missing.
        file_format: "onnx" or "litert".
    """
    if file_format == "onnx":
        from kclip.export import erfc  # noqa: F401
    folder.mkdir(parents=True, exist_ok=True)
    for tower in (image_tower(embedder), text_tower(embedder)):
        with warnings.catch_warnings():
            # Keras mends tf2onnx for NumPy 2 by looking whether np.object is there.
            warnings.filterwarnings("ignore", "In the future `np", FutureWarning)
            path = folder / f"{tower.name}{SUFFIXES[file_format]}"
            tower.export(str(path), file_format, verbose=False, input_signature=[tower.input])
