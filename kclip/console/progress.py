"""How far the work is: progress bars that `--quiet` turns off."""

import sys
import warnings
from importlib import import_module
from typing import Any

from tqdm import tqdm

from kclip.console.lines import is_quiet

if "ipykernel" in sys.modules:
    # huggingface_hub imports it, and in a notebook without widgets that warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("tqdm.auto")


class ProgressBar(tqdm):
    """A bar of tqdm, which is not shown when the lines of information aren't wanted.

    Args:
        args: as in `tqdm`.
        disable: whether this one is left out in any case.
        kwargs: as in `tqdm`.

    Example:
        >>> for _ in ProgressBar(range(3), desc="Images", disable=True):
        ...     pass
    """

    def __init__(self, *args: Any, disable: bool | None = False, **kwargs: Any):
        super().__init__(*args, disable=is_quiet() or disable, **kwargs)


def keras_verbosity() -> int:
    """What Keras' `fit` and `predict` take as `verbose`: 0, or 1 for bars, or 2 for plain lines.

    Bars redraw themselves, which fills a log file.
    """
    if is_quiet():
        return 0
    return 1 if sys.stdout.isatty() else 2
