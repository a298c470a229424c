"""The two towers as ONNX and LiteRT files: pixels to embeddings, token ids to embeddings."""

from pathlib import Path
from typing import TYPE_CHECKING

from kclip.export.towers import image_tower, text_tower

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder

SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}  # Keras insists on .tflite


def export_towers(embedder: "Embedder", folder: Path, file_format: str) -> None:
    """Writes `image_tower` and `text_tower` into a folder.

    Args:
        embedder: the model, in float32.
        folder: made if missing.
        file_format: "onnx" or "litert".
    """
    folder.mkdir(parents=True, exist_ok=True)
    for tower in (image_tower(embedder), text_tower(embedder)):
        path = folder / f"{tower.name}{SUFFIXES[file_format]}"
        if file_format == "onnx":
            from kclip.export.onnx_tower import export_onnx_tower

            export_onnx_tower(tower, path)
        else:
            tower.export(str(path), file_format, verbose=False, input_signature=[tower.input])
