"""Runs the cells of the benchmark and keeps their results; a run that was stopped goes on."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kclip.data.sources.text_files import read_json
from kclip.evaluation.benchmark.cells import LINEAR_PROBE, TRANSFERRED, ZERO_SHOT, Cell
from kclip.evaluation.benchmark.linear_probe import probe_scores
from kclip.evaluation.benchmark.measures import measure_outputs
from kclip.evaluation.benchmark.outputs import ModelOutputs, decide_labels
from kclip.evaluation.benchmark.task import Task
from kclip.evaluation.benchmark.zero_shot_methods import LLM_CAPTIONS, ZeroShotMethod
from kclip.files import write_metrics
from kclip.training.benchmark.head import TrainedHead
from kclip.training.benchmark.methods import TRAINED
from kclip.training.common.run import Run

TRANSFER_METHOD = "mld_adapter_spatial"


@dataclass(frozen=True)
class MultilabelBench:
    """Runs cells on one data set and keeps their results.

    Attributes:
        task: the data set.
        zero_shot: the methods that need no training, by name.
        pretrain: the data set that `mld_adapter_transferred` is trained on first, or None.
        directory: of the results.
        run: how the work is ended and gone on with; each training has a part of it.
        settings: what all results depend on, as JSON takes it; a result of others is run again.
        captions_digest: of the language model's captions, on which one method depends.
    """

    task: Task
    zero_shot: Mapping[str, ZeroShotMethod]
    pretrain: Task | None
    directory: Path
    run: Run
    settings: Mapping[str, Any]
    captions_digest: str | None = None

    def result(self, cell: Cell) -> dict[str, Any]:
        """Runs a cell, or reads its result where it was run before."""
        path = cell.path(self.directory, self.task.name)
        settings = json.loads(json.dumps({**self.settings, **self._own_settings(cell)}))
        if path.is_file():
            result = read_json(path, ("settings", "figures"))
            if result["settings"] == settings:
                return result
        self.run.check()
        state_folder = self._state_folder(cell)
        self._forget_other_settings(state_folder, settings)
        keras.utils.set_random_seed(cell.seed)
        model_outputs = self._model_outputs(cell)
        test = self.task.test
        figures = measure_outputs(
            test.labels, model_outputs.scores, model_outputs.decisions, test.valid_mask
        )
        result = {"settings": settings, "figures": figures}
        write_metrics(path, result)
        shutil.rmtree(state_folder, ignore_errors=True)
        return result

    def _forget_other_settings(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Deletes the state of a training under other settings than those of this run."""
        path = folder / "settings.json"
        if path.is_file() and json.loads(path.read_text(encoding="utf-8")) == settings:
            return
        shutil.rmtree(folder, ignore_errors=True)
        write_metrics(path, settings)

    def _own_settings(self, cell: Cell) -> dict[str, Any]:
        if cell.method == TRANSFERRED:
            assert self.pretrain is not None
            source = {"pretrained_on": [self.pretrain.name, self.pretrain.digest]}
            return TRAINED[TRANSFER_METHOD].settings | source
        if cell.method in TRAINED:
            return TRAINED[cell.method].settings
        return {"captions_json": self.captions_digest} if cell.method == LLM_CAPTIONS else {}

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
            labels, groups = task.train.labels[rows], task.train_groups[rows]
            scores, own = probe_scores(train[rows], labels, test, groups)
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
        self._train(head, task, rows, cell.seed, self._state_folder(cell))
        return head

    def _pretrained_head(self, seed: int) -> TrainedHead:
        """An adapter trained on all images of the other data set, once a seed."""
        source = self.pretrain
        assert source is not None
        head = TrainedHead.new(
            TRAINED[TRANSFER_METHOD], source.train.features, len(source.class_names)
        )
        rows = np.arange(len(source.train.labels))
        key = hashlib.sha256(json.dumps([self.settings, source.digest]).encode()).hexdigest()[:8]
        folder = self.directory / self.task.name / TRANSFERRED / f"pretrained-{key}-seed{seed}"
        self._train(head, source, rows, seed, folder)
        return head

    def _train(
        self, head: TrainedHead, task: Task, rows: np.ndarray, seed: int, folder: Path
    ) -> None:
        run = replace(self.run, folder=folder, resume=True)
        head.train(task.train.features, task.train.labels, task.queries, rows, seed, run)

    def _state_folder(self, cell: Cell) -> Path:
        """Where the state of an unfinished training is kept."""
        return cell.path(self.directory, self.task.name).with_suffix(".unfinished")
