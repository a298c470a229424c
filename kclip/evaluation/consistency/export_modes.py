"""Modes that run an export: written, read back and called as its README says."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kclip.console.tensorflow_logs import hushed_stderr
from kclip.evaluation.consistency.subject import ModelOutputs, Subject, model_outputs
from kclip.export.folder import exporter
from kclip.export.tower_files import SUFFIXES
from kclip.export.towers import tokenize
from kclip.inference.onnx_tower import OnnxTower


def saved_model(subject: Subject) -> ModelOutputs:
    """Asked by PNG bytes and strings."""
    import tensorflow as tf

    exporter("saved_model")(subject.embedder, subject.scratch / "saved_model")
    model: Any = tf.saved_model.load(str(subject.scratch / "saved_model"))
    return model_outputs(
        subject,
        lambda pixels: model.embed_images(tf.constant([_png(image) for image in pixels])),
        lambda texts: model.embed_texts(tf.constant(texts)),
    )


def onnx(subject: Subject) -> ModelOutputs:
    """By ONNX Runtime, on the CPU."""
    return _tower_file_outputs(subject, "onnx", lambda path: OnnxTower(path).predict_on_batch)


def litert(subject: Subject) -> ModelOutputs:
    """By the LiteRT interpreter, on the CPU."""

    def open_tower(path: Path) -> Callable[[dict[str, np.ndarray]], Any]:
        from ai_edge_litert.interpreter import (  # pyright: ignore[reportMissingImports]
            Interpreter,
        )

        run = Interpreter(str(path)).get_signature_runner()

        def ask(inputs: dict[str, np.ndarray]) -> Any:
            with hushed_stderr():  # at its first call it says what it runs on
                return run(**inputs)["output_0"]

        return ask

    return _tower_file_outputs(subject, "litert", open_tower)


def _tower_file_outputs(
    subject: Subject, file_format: str, open_tower: Callable[[Path], Callable[[Any], Any]]
) -> ModelOutputs:
    folder = subject.scratch / file_format
    exporter(file_format)(subject.embedder, folder)
    image, text = (
        open_tower(folder / f"{name}{SUFFIXES[file_format]}")
        for name in ("image_tower", "text_tower")
    )
    return model_outputs(
        subject,
        lambda pixels: image({"image": pixels.astype(np.float32)}),
        lambda texts: text(tokenize(subject.embedder, texts)),
    )


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
