"""How large an image may be, and how many may be unreadable: what a command's flags set."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from kclip.config.images import ImageLimits, PixelLimit

P = ParamSpec("P")
Result = TypeVar("Result")
# Of the process, as Pillow's own limit is: every way from a file to pixels must know it.
_IN_FORCE = [ImageLimits()]


def image_limits() -> ImageLimits:
    """The limits that are in force now."""
    return _IN_FORCE[-1]


@contextmanager
def limited_by(limits: ImageLimits) -> Iterator[None]:
    """Puts other limits in force for a while.

    Example:
        >>> with limited_by(ImageLimits(max_pixels=1000)):
        ...     image_limits().max_pixels
        1000
    """
    _IN_FORCE.append(limits)
    try:
        yield
    finally:
        _IN_FORCE.pop()


def within_limits(
    run: Callable[Concatenate[Any, P], Result],
) -> Callable[Concatenate[Any, P], Result]:
    """Makes a command that is an `ImageLimits`, or a `PixelLimit`, run within its own limits."""

    @wraps(run)
    def limited(command: PixelLimit, *args: P.args, **kwargs: P.kwargs) -> Result:
        own = isinstance(command, ImageLimits)
        with limited_by(command if own else ImageLimits(max_pixels=command.max_pixels)):
            return run(command, *args, **kwargs)

    return limited
