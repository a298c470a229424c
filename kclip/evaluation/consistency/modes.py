"""The modes that are compared: what each is called, how far it may differ, what it takes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Literal, get_args

from kclip.export.packages import EXPORT_PACKAGES, RUN_PACKAGES

if TYPE_CHECKING:
    from kclip.evaluation.consistency.subject import ModelOutputs, Subject

ModeName = Literal[
    "tf_function",
    "xla",
    "jax",
    "batch_of_1",
    "reload",
    "saved_model",
    "onnx",
    "litert",
    "mixed_float16",
    "mixed_bfloat16",
]
MODE_NAMES: tuple[ModeName, ...] = get_args(ModeName)

MIN_EQUAL_DECISIONS = 0.995


@dataclass(frozen=True)
class Mode:
    """One way to run a model.

    Attributes:
        title: what reports call it.
        limit: largest difference of a class probability from eager float32.
        module: where in this folder its function lies, under the mode's own name.
        packages: module -> pip package of what it needs beyond kclip.
    """

    title: str
    limit: float
    module: str
    packages: dict[str, str] = field(default_factory=dict)


def _export(title: str, name: str) -> Mode:
    return Mode(title, 1e-4, "export_modes", EXPORT_PACKAGES[name] | RUN_PACKAGES[name])


MODES: dict[str, Mode] = {
    "tf_function": Mode("tf.function", 1e-5, "keras_modes"),
    "xla": Mode("XLA", 1e-5, "keras_modes"),
    "jax": Mode("JAX backend", 1e-5, "jax_mode", {"jax": "jax"}),
    "batch_of_1": Mode("batch of 1", 1e-5, "keras_modes"),
    "reload": Mode("saved and reloaded", 1e-5, "keras_modes"),
    "saved_model": _export("SavedModel", "saved_model"),
    "onnx": _export("ONNX", "onnx"),
    "litert": _export("LiteRT", "litert"),
    "mixed_float16": Mode("mixed_float16", 1e-2, "keras_modes"),
    "mixed_bfloat16": Mode("mixed_bfloat16", 1e-2, "keras_modes"),
}


def mode_function(name: str) -> Callable[["Subject"], "ModelOutputs"]:
    """The function that puts a subject through a mode; "eager" is the reference."""
    module = "keras_modes" if name == "eager" else MODES[name].module
    return getattr(import_module(f"kclip.evaluation.consistency.{module}"), name)
