"""The optional packages of each export format: asked for before any work is done."""

from collections.abc import Sequence
from importlib.util import find_spec

from kclip.errors import UserError

# module -> the package that pip installs for it
EXPORT_PACKAGES: dict[str, dict[str, str]] = {
    "saved_model": {},
    "onnx": {"tf2onnx": "tf2onnx", "onnx": "onnx"},
    "litert": {},
}
RUN_PACKAGES: dict[str, dict[str, str]] = {
    "saved_model": {},
    "onnx": {"onnxruntime": "onnxruntime"},
    "litert": {"ai_edge_litert": "ai-edge-litert"},
}


def missing_packages(modules: dict[str, str]) -> list[str]:
    """The packages that pip would have to install.

    Args:
        modules: name of a module -> its package's name.

    Example:
        >>> missing_packages({"json": "json", "no_such_module": "no-such-package"})
        ['no-such-package']
    """
    return [package for module, package in modules.items() if find_spec(module) is None]


def check_packages(formats: Sequence[str]) -> None:
    """Raises a `UserError` with pip's command where a format's packages are not installed.

    Args:
        formats: keys of `EXPORT_PACKAGES`.
    """
    for name in formats:
        missing = missing_packages(EXPORT_PACKAGES[name])
        if missing:
            raise UserError(
                f"exporting to {name} takes {' and '.join(missing)}, which this Python does not "
                f"have; run: pip install {' '.join(missing)}"
            )
