"""TensorFlow's own log lines, which greet each start with CPU flags and missing GPUs, kept away."""

import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def hush_tensorflow() -> None:
    """Keeps TensorFlow's lines off stderr, now and when it is imported later.

    Call it before that import. `TF_CPP_MIN_LOG_LEVEL` is what TensorFlow offers; but 2.21 logs
    some lines while it is loaded, before it has read that. They come from C++, hence the detour
    of the file descriptor.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _QuietFinder())


class _QuietFinder(MetaPathFinder):
    """Finds TensorFlow as the others do, and loads it without its lines."""

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None):
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)  # its work is done, and the search below must not find it again
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _QuietLoader(spec.loader, spec)
        return spec


class _QuietLoader(Loader):
    def __init__(self, loader: Loader, spec: ModuleSpec):
        self.loader = loader
        self.spec = spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.spec.loader = self.loader
        with hushed_stderr():
            self.loader.exec_module(module)
        # Its Python part speaks through two loggers: of functions that are traced again, of
        # formats that Keras would rather have.
        for name in ("tensorflow", "absl"):
            logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def hushed_stderr() -> Iterator[None]:
    """Takes what is written to file descriptor 2 by whatever language; shows it after a failure."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as lines:
        os.dup2(lines.fileno(), 2)
        try:
            yield
        except BaseException:
            lines.seek(0)
            os.write(kept, lines.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
