"""What a command takes of a user's images."""

from dataclasses import dataclass
from typing import Annotated

from kclip.config.ranges import Fraction, Range

# More than any camera of today takes at once; an image of this size fills 1.5 GB.
MAX_PIXELS = 512_000_000


@dataclass(frozen=True, kw_only=True)
class PixelLimit:
    """The flag of every command that reads images."""

    max_pixels: Annotated[int, Range(1)] = MAX_PIXELS
    """Largest image to open, in pixels; a larger one is taken for a decompression bomb."""


@dataclass(frozen=True, kw_only=True)
class ImageLimits(PixelLimit):
    """Flags of every command that measures images: a few may be left out."""

    max_unreadable: Fraction = 0.01
    """Largest fraction of the images that may be left out since they can't be read; three are
    always allowed, where that leaves most of the images. What is left out is named."""
