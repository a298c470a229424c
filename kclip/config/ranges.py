"""The values that a setting may have, written in its type: `Annotated[int, Range(1, 100)]`.

tyro reads such a field as a plain number or text; `kclip.config.checks` looks at the value.
"""

import dataclasses
import math
import re
from typing import Annotated


@dataclasses.dataclass(frozen=True)
class Range:
    """The least and the greatest number that are allowed; both are.

    Example:
        >>> 0.99 in Range(0, 0.99), 1.0 in Range(0, 0.99), float("nan") in Range(0)
        (True, False, False)
        >>> str(Range(0, 0.99)), str(Range(1))
        ('from 0 to 0.99', 'of at least 1')
    """

    least: float
    most: float = math.inf

    def __contains__(self, value: float) -> bool:
        return math.isfinite(value) and self.least <= value <= self.most

    def __str__(self) -> str:
        if math.isinf(self.most):
            return f"of at least {_plain(self.least)}"
        return f"from {_plain(self.least)} to {_plain(self.most)}"


@dataclasses.dataclass(frozen=True)
class Form:
    """The form that a text must have.

    Args:
        pattern: regular expression of the whole text.
        name: how a message says it.

    Example:
        >>> "last:2" in Form("all|last:[1-9][0-9]*", "all or last:N")
        True
    """

    pattern: str
    name: str

    def __contains__(self, value: str) -> bool:
        return re.fullmatch(self.pattern, value) is not None

    def __str__(self) -> str:
        return self.name


def _plain(number: float) -> str:
    if isinstance(number, int) and number >= 10_000:
        return f"{number:,}"
    return f"{number:g}"


# Kinds of numbers that many commands take.
Seed = Annotated[int, Range(0, 2**32 - 1)]  # what NumPy and Keras take
Count = Annotated[int, Range(1, 1_000_000)]
CountFrom0 = Annotated[int, Range(0, 1_000_000)]
Fraction = Annotated[float, Range(0, 1)]
PartialFraction = Annotated[float, Range(0, 0.99)]  # dropout, smoothing: something must be left
Width = Annotated[int, Range(1, 65_536)]  # of a layer
Pixels = Annotated[int, Range(16, 4096)]
BatchSize = Annotated[int, Range(2, 1_000_000)]  # batch statistics and negatives want two
WidthMultiplier = Annotated[float, Range(0.01, 4)]  # of the MobileNets
LearningRate = Annotated[float, Range(1e-12, 10)]
WeightDecay = Annotated[float, Range(0, 10)]
LayerDecay = Annotated[float, Range(1e-6, 1)]
TrainMode = Annotated[
    str, Form(r"frozen|head|all|(last|lora):[1-9][0-9]{0,3}", "frozen, head, last:N, lora:R or all")
]
ReductionFactor = Annotated[float, Range(1e-6, 0.99)]  # of a learning rate
