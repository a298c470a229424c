"""CLIP-style image-text models for Keras 3 and TensorFlow."""

import importlib
from typing import Any

__version__ = "0.1.0"

# Public name -> module. Imported when first used, so that `import kclip` loads no TensorFlow.
_PUBLIC = {
    "CLIP": "kclip.models",
    "ContrastiveLoss": "kclip.losses",
    "DualEncoder": "kclip.models",
    "DualEncoderPreprocessor": "kclip.models",
    "Embedder": "kclip.inference.embedder",
    "ImageEncoder": "kclip.models",
    "KclipError": "kclip.errors",
    "MultiLabelClassifier": "kclip.models",
    "MultiLabelRecognizer": "kclip.multilabel.recognition.recognizer",
    "SigmoidLoss": "kclip.losses",
    "TextEncoder": "kclip.models",
    "UserError": "kclip.errors",
    "ZeroShotClassifier": "kclip.zero_shot.classifier",
    "load": "kclip.inference.loading",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'kclip' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
