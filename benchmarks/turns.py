"""Two or more sides that take turns, so that whatever else the machine does falls on all."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any


def take_turns(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side in each round; who comes first changes from round to round."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.perf_counter()
            sides[name]()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def median_ratio(others: Sequence[float], ours: Sequence[float]) -> float:
    """Of the rounds' own ratios, so that a slow moment of the machine counts on both sides."""
    return statistics.median(other / our for other, our in zip(others, ours, strict=True))


def spread(values: Sequence[float], unit: str, scale: float = 1.0) -> str:
    """Median, least and greatest, as text."""
    scaled = sorted(value * scale for value in values)
    digits = 0 if scaled[-1] >= 100 else 2 if scaled[-1] < 10 else 1
    low, middle, high = scaled[0], statistics.median(scaled), scaled[-1]
    return f"{middle:,.{digits}f} {unit} ({low:,.{digits}f} to {high:,.{digits}f})"
