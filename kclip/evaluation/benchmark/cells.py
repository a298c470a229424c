"""The cells of the benchmark: one method on one fraction of one data set by one seed."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ZERO_SHOT = 0.0  # the ratio of methods that see no training image
LINEAR_PROBE = "linear_probe"
TRANSFERRED = "mld_adapter_transferred"
BASELINE_HEADS = ("baseline_vgg16_head", "baseline_resnet101_head")  # the paper's baselines


@dataclass(frozen=True)
class Cell:
    """What one figure is of: a method, a fraction of the training images (0: none) and a seed."""

    method: str
    ratio: float
    seed: int

    def path(self, directory: Path, task_name: str) -> Path:
        """The file that its result is kept in."""
        return directory / task_name / self.method / f"{self.ratio:g}-seed{self.seed}.json"


def plan_cells(
    methods: Sequence[str], ratios: Sequence[float], seeds: int, trained: Collection[str]
) -> list[Cell]:
    """All cells of some methods, in the order they are run in.

    Args:
        methods: names.
        ratios: fractions of the training images, for methods that learn.
        seeds: how often each is sampled.
        trained: the methods that train a head.

    Example:
        >>> cells = plan_cells(["cosine", "linear_probe"], [0.02, 1.0], seeds=1, trained=())
        >>> [cell.ratio for cell in cells]
        [0.0, 0.02, 1.0]
    """
    cells = []
    for method in methods:
        learns = method in trained or method in (LINEAR_PROBE, TRANSFERRED)
        if not learns or method == TRANSFERRED:
            cells.append(Cell(method, ZERO_SHOT, 0))
        if learns:
            cells += [Cell(method, ratio, seed) for ratio in ratios for seed in range(seeds)]
    return cells


def summarize_cells(results: Iterator[tuple[Cell, dict[str, Any]]]) -> dict[str, Any]:
    """Means and standard deviations over the seeds.

    Gives `{method: {ratio: {"map", "map_std", ..., "seeds"}}}`. Ratios are keys such as "0.02",
    "1.0", and "0.0" for methods without training images.
    """
    by_key: dict[tuple[str, str], list[dict[str, float]]] = {}
    for cell, result in results:
        key = (cell.method, str(float(cell.ratio)))
        by_key.setdefault(key, []).append(result["figures"])
    summary: dict[str, Any] = {}
    for (method, ratio), figures in by_key.items():
        row = summary.setdefault(method, {})[ratio] = {}
        for name in figures[0]:
            values = [of_seed[name] for of_seed in figures]
            row[name] = float(np.mean(values))
            row[f"{name}_std"] = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        row["seeds"] = len(figures)
    return summary
