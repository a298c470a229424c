"""The weights of the joint loss, chosen by cross-validation on the training split."""

import csv
import dataclasses
import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kclip.config.clip_decoder import DecoderHead, DecoderOptimization, JointObjective
from kclip.console.progress import ProgressBar
from kclip.errors import UserError
from kclip.files import replaced_when_done
from kclip.losses import JointLoss
from kclip.metrics.multilabel import mean_average_precision
from kclip.reading import in_one_sentence, read_file
from kclip.training.clip_decoder.data import CachedData, map_logits
from kclip.training.clip_decoder.fit import compile_decoder
from kclip.training.clip_decoder.labels import label_targets
from kclip.training.clip_decoder.towers import (
    DecoderTowers,
    build_classifier,
    interpolate_alignment,
)
from kclip.training.common.averaging import use_averaged_weights
from kclip.training.common.callbacks import StopOnNonFiniteLoss
from kclip.training.common.fit import fit_epochs
from kclip.training.common.run import Run

# Adam's steps do not depend on the scale of the loss, so the ratio of the weights is all there is.
GRID = ((0.0, 1.0), (0.1, 1.0), (0.3, 1.0), (1.0, 1.0), (3.0, 1.0), (10.0, 1.0))
NUM_FOLDS = 3
TUNING_FILE = "tuning.csv"


@dataclass(frozen=True)
class Trial:
    """One pair of weights on one fold; the last is the mean of the two before it."""

    alpha: float
    beta: float
    fold: int
    zsl_map: float
    gzsl_map: float
    score: float


def tune_loss_weights(
    towers: DecoderTowers,
    data: CachedData,
    labels: np.ndarray,
    class_names: Sequence[str],
    head: DecoderHead,
    objective: JointObjective,
    settings: DecoderOptimization,
    run: Run,
    valid_mask: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> list[Trial]:
    """Trains each pair of weights on each fold; `best_weights` chooses among them.

    Each trial is a row of `tuning.csv` in the run's folder as soon as it is known. A run that was
    stopped goes on at the trial where it was, and within it.

    A fold holds out a third of the images and a third of the seen classes. What was trained
    without either is measured on the held-out images: mAP of the held-out classes (as in
    zero-shot recognition) and of all seen ones (as in the generalised kind).

    Args:
        towers: of the run, its source not None.
        data: feature maps of the training split.
        labels: (N, C) of the seen classes.
        class_names: C names.
        head: the config of the head.
        objective: the config of the loss, whose weights are replaced.
        settings: the config of the training.
        run: of the whole training.
        valid_mask: (N, C) bool, False where a label is ignored; by default all count.
        groups: (N,) the group of copies of each image, which lies in one fold; by default no
            image has copies.

    Raises:
        UserError: there are too few classes.
        Stopped: the run was asked to stop.
    """
    if len(class_names) < 2 * NUM_FOLDS:
        raise UserError(
            f"{len(class_names)} seen classes are too few for {NUM_FOLDS} folds of them; give "
            "--objective.alpha and --objective.beta instead of --tune-loss-weights"
        )
    valid_mask = np.ones(labels.shape, bool) if valid_mask is None else valid_mask
    rng = np.random.default_rng(settings.seed)
    image_folds = _image_folds(np.arange(len(labels)) if groups is None else groups, rng)
    class_folds = rng.permutation(len(class_names)) % NUM_FOLDS
    images = (towers, data, labels, valid_mask, class_names)
    measure = partial(_held_out_map, *images, head=head, settings=settings)
    path, states = run.folder / TUNING_FILE, run.folder / "tuning"
    trials = read_trials(path) if run.resume and path.is_file() else []
    runs = [(fold, *weights) for fold in range(NUM_FOLDS) for weights in GRID]
    bar = ProgressBar(runs, desc="Tuning the loss weights", unit="trial")
    for number, (fold, alpha, beta) in enumerate(bar):
        if number < len(trials):
            continue
        run.check()
        trial_run = replace(run, folder=states / str(number), callbacks=(), log_to=())
        weights = dataclasses.replace(objective, alpha=alpha, beta=beta)
        held_out = image_folds == fold, class_folds == fold
        figures = measure(held_out, objective=weights, run=trial_run)
        trials.append(Trial(alpha, beta, fold, *figures, score=float(np.mean(figures))))
        write_trials(trials, path)
    shutil.rmtree(states, ignore_errors=True)
    return trials


def _image_folds(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The fold of each image; copies lie in that of the first of them."""
    return (rng.permutation(len(groups)) % NUM_FOLDS)[groups]


def best_weights(trials: Sequence[Trial]) -> tuple[float, float]:
    """The pair of the best mean score over the folds; of equal ones the first."""
    pairs = list(dict.fromkeys((trial.alpha, trial.beta) for trial in trials))
    means = [
        np.mean([trial.score for trial in trials if (trial.alpha, trial.beta) == pair])
        for pair in pairs
    ]
    return pairs[int(np.argmax(means))]


def write_trials(trials: Sequence[Trial], path: Path) -> None:
    """Writes one row a trial."""
    rows = [dataclasses.asdict(trial) for trial in trials]
    with replaced_when_done(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_trials(path: Path) -> list[Trial]:
    """Reads what `write_trials` wrote."""
    with in_one_sentence(f"the trials in {path}", "delete it, and they are run again"):
        rows = csv.DictReader(io.StringIO(read_file(path).decode()))
        numbers = [{name: float(value) for name, value in row.items()} for row in rows]
        return [Trial(**{**row, "fold": int(row["fold"])}) for row in numbers]


def _held_out_map(
    towers: DecoderTowers,
    data: CachedData,
    labels: np.ndarray,
    valid_mask: np.ndarray,
    class_names: Sequence[str],
    held_out: tuple[np.ndarray, np.ndarray],
    head: DecoderHead,
    objective: JointObjective,
    settings: DecoderOptimization,
    run: Run,
) -> tuple[float, float]:
    """Trains without the held-out images and classes; their mAP, and that of all classes."""
    assert towers.source is not None
    images, classes = held_out
    align, names = objective.alpha > 0, [class_names[n] for n in np.flatnonzero(~classes)]
    keras.utils.set_random_seed(settings.seed)
    classifier = build_classifier(towers, names, head, align, settings.dtype)
    data.standardize(classifier)
    source = towers.source if align else None
    targets = label_targets(
        labels[:, ~classes], names, source, objective.sentence, valid_mask[:, ~classes]
    )
    batches = data.train_batches(targets, settings, np.flatnonzero(~images))
    model: Any = data.fed_model(classifier)
    steps = batches.batches_per_epoch * settings.epochs
    loss = JointLoss(objective.alpha, objective.beta)
    compile_decoder(model, classifier, loss, steps, settings)
    guard = StopOnNonFiniteLoss("a smaller --optimization.learning-rate")
    fit_epochs(model, batches, run, settings.epochs, deciding=[guard], quiet=True)
    use_averaged_weights(model)
    interpolate_alignment(classifier, towers, head.trained_fraction)
    queries = towers.source.embed_classes(class_names)
    whole = data.fed_model(classifier.with_classes(class_names, queries))
    rows = np.flatnonzero(images)
    outputs = {name: _Rows(array[0], rows) for name, array in data.train_outputs.items()}
    logits = map_logits(whole, outputs, len(class_names))
    own, of_classes = (labels[rows], logits), valid_mask[rows]
    zsl = mean_average_precision(
        *(array[:, classes] for array in own), valid_mask=of_classes[:, classes]
    )
    return zsl, mean_average_precision(*own, valid_mask=of_classes)


@dataclass(frozen=True)
class _Rows:
    """Some rows of an array on the disk, read as they are asked for."""

    array: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice) -> np.ndarray:
        return self.array[self.rows[part]]
