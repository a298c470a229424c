"""The cells of the benchmark: one method on one share of one data set by one seed, and its file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kclip.data.sources.text_files import read_json
from kclip.evaluation.benchmark.linear_probe import probe_scores
from kclip.evaluation.benchmark.measures import measure_outputs
from kclip.evaluation.benchmark.outputs import ModelOutputs, decide_labels
from kclip.evaluation.benchmark.task import Task
from kclip.evaluation.benchmark.trained_methods import (
    ADAPTERS,
    BASELINE_HEADS,
    TrainedHead,
    TrainedMethod,
)
from kclip.evaluation.benchmark.zero_shot_methods import ZeroShotMethod
from kclip.files import write_metrics

ZERO_SHOT = 0.0  # the ratio of methods that see no training image
LINEAR_PROBE = "linear_probe"
TRANSFERRED = "mld_adapter_transferred"
TRAINED: dict[str, TrainedMethod] = ADAPTERS | BASELINE_HEADS
TRANSFER_METHOD = "mld_adapter_spatial"


@dataclass(frozen=True)
class Cell:
    """One figure's place: a method, a share of the training images (0 for none) and a seed."""

    method: str
    ratio: float
    seed: int

    def path(self, directory: Path, task_name: str) -> Path:
        """The file that its result is kept in."""
        return directory / task_name / self.method / f"{self.ratio:g}-seed{self.seed}.json"


def plan_cells(methods: Sequence[str], ratios: Sequence[float], seeds: int) -> list[Cell]:
    """All cells of some methods, in the order they are run in.

    Example:
        >>> [cell.ratio for cell in plan_cells(["cosine", "linear_probe"], [0.02, 1.0], seeds=1)]
        [0.0, 0.02, 1.0]
    """
    cells = []
    for method in methods:
        learns = method in TRAINED or method in (LINEAR_PROBE, TRANSFERRED)
        if not learns or method == TRANSFERRED:
            cells.append(Cell(method, ZERO_SHOT, 0))
        if learns:
            cells += [Cell(method, ratio, seed) for ratio in ratios for seed in range(seeds)]
    return cells


@dataclass(frozen=True)
class MultilabelBench:
    """Runs cells on one data set and keeps their results.

    Attributes:
        task: the data set.
        zero_shot: the methods that need no training, by name.
        pretrain: the data set that `mld_adapter_transferred` is trained on first, or None.
        directory: of the results.
        settings: what all results depend on, as JSON takes it; a result of others is run again.
    """

    task: Task
    zero_shot: Mapping[str, ZeroShotMethod]
    pretrain: Task | None
    directory: Path
    settings: Mapping[str, Any]
    _pretrained: dict[int, list[np.ndarray]] = field(default_factory=dict)

    def run(self, cell: Cell) -> dict[str, Any]:
        """Runs a cell, or reads its result where it was run before."""
        path = cell.path(self.directory, self.task.name)
        settings = json.loads(json.dumps({**self.settings, **self._own_settings(cell)}))
        if path.is_file():
            result = read_json(path, ("settings", "figures"))
            if result["settings"] == settings:
                return result
        keras.utils.set_random_seed(cell.seed)
        model_outputs = self._model_outputs(cell)
        test = self.task.test
        figures = measure_outputs(
            test.labels, model_outputs.scores, model_outputs.decisions, test.valid_mask
        )
        result = {"settings": settings, "figures": figures}
        write_metrics(path, result)
        return result

    def _own_settings(self, cell: Cell) -> dict[str, Any]:
        if cell.method == TRANSFERRED:
            assert self.pretrain is not None
            source = {"pretrained_on": self.pretrain.name}
            return TRAINED[TRANSFER_METHOD].settings | source
        return TRAINED[cell.method].settings if cell.method in TRAINED else {}

    def _model_outputs(self, cell: Cell) -> ModelOutputs:
        task = self.task
        if cell.method in self.zero_shot:
            return self.zero_shot[cell.method](task)
        if cell.ratio == ZERO_SHOT:
            rows = np.arange(len(task.train.labels))
        else:
            rows = task.rows(cell.ratio, cell.seed)
        if cell.method == LINEAR_PROBE:
            train, test = (side.features.pooled.mean(axis=0) for side in (task.train, task.test))
            scores, own = probe_scores(train[rows], task.train.labels[rows], test)
            return decide_labels(task, scores, rows, own)
        head = self._head(cell, rows)
        scores = head.scores(task.test.features, task.queries)
        return decide_labels(
            task, scores, rows, head.scores(task.train.features, task.queries, rows)
        )

    def _head(self, cell: Cell, rows: np.ndarray) -> TrainedHead:
        """The method's head, trained."""
        task = self.task
        if cell.method == TRANSFERRED:
            head = self._pretrained_head(cell.seed)
            if cell.ratio == ZERO_SHOT:
                return head
        else:
            method = TRAINED[cell.method]
            head = TrainedHead.new(method, task.train.features, len(task.class_names))
        _train(head, task, rows, cell.seed)
        return head

    def _pretrained_head(self, seed: int) -> TrainedHead:
        """An adapter trained on all images of the other data set, once a seed."""
        source = self.pretrain
        assert source is not None
        head = TrainedHead.new(
            TRAINED[TRANSFER_METHOD], source.train.features, len(source.class_names)
        )
        if seed in self._pretrained:
            head.scores(source.train.features, source.queries, np.arange(1))  # builds the layer
            head.layer.set_weights(self._pretrained[seed])
        else:
            _train(head, source, np.arange(len(source.train.labels)), seed)
            self._pretrained[seed] = head.layer.get_weights()
        return head


def _train(head: TrainedHead, task: Task, rows: np.ndarray, seed: int) -> None:
    head.train(task.train.features, task.train.labels, task.queries, rows, seed)


def summarize_cells(results: Iterator[tuple[Cell, dict[str, Any]]]) -> dict[str, Any]:
    """Means and deviations over the seeds: `{method: {ratio: {"map", "map_std", ..., "seeds"}}}`.

    Ratios are keys such as "0.02", "1.0", and "0.0" for methods without training images.
    """
    by_place: dict[tuple[str, str], list[dict[str, float]]] = {}
    for cell, result in results:
        place = (cell.method, str(float(cell.ratio)))
        by_place.setdefault(place, []).append(result["figures"])
    summary: dict[str, Any] = {}
    for (method, ratio), figures in by_place.items():
        row = summary.setdefault(method, {})[ratio] = {}
        for name in figures[0]:
            values = [of_seed[name] for of_seed in figures]
            row[name] = float(np.mean(values))
            row[f"{name}_std"] = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        row["seeds"] = len(figures)
    return summary
