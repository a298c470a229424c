"""The command that trains a multi-label classifier with CLIP-Decoder's head."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kclip.config.checks import check_settings
from kclip.config.clip_decoder import DecoderHead, DecoderOptimization, JointObjective
from kclip.config.loggers import LoggerName
from kclip.config.parsing import parse_run
from kclip.config.presets import CLIP_DECODER_PRESETS
from kclip.config.towers import DecoderImageTower
from kclip.errors import UserError
from kclip.reports.markdown import code_list
from kclip.training.common.run import Run
from kclip.training.common.run_folder import check_new_run, open_run, write_config
from kclip.training.common.stopwatch import Stopwatch

if TYPE_CHECKING:
    from kclip.training.clip_decoder.data import CachedData, StreamedData
    from kclip.training.clip_decoder.labels import DecoderLabels
    from kclip.training.clip_decoder.towers import DecoderTowers

TUNING_FILE, MODEL_FOLDER = "tuning.csv", "model"
DecoderPreset = Literal["tiny", "flickr8k", "nus_wide"]


@dataclass(frozen=True)
class _Start:
    """What must be known before the other flags have their defaults."""

    preset: DecoderPreset = "tiny"
    resume: Path | None = None


@dataclass(frozen=True)
class TrainClipDecoder:
    """Trains a multi-label classifier on TFRecords of images and labels.

    Its zero-shot head recognizes classes that it has seen no label of. Writes a run folder:
    config.json, history.csv, curves.png, metrics.json, report.md, tensorboard/, and model/, which
    evaluate_multilabel loads. Ctrl-C and SIGTERM save; --resume goes on from there, or from the
    last save before a crash.
    """

    preset: DecoderPreset = "tiny"
    """Where the other flags' defaults come from: tiny, flickr8k (a CPU's size) or nus_wide
    (ML-Decoder's settings for it). Add --help to see them."""
    resume: Path | None = None
    """A run folder to go on with, under its own config; no other flags."""
    data: Path = Path("tfrecords/synthetic")
    """Folder that build_tfrecords wrote."""
    output: Path = Path("runs/clip_decoder")
    """Run folder; new or empty."""
    train_split: str = "train"
    """Split to train on."""
    validation_split: str = "validation"
    """Split for the report, and for the seen classes' mAP after each epoch. No figure of it
    chooses anything."""
    seen_classes: Path | None = None
    """File of the classes whose labels are trained on, one a line; seen_classes.txt in --data, or
    all labels of the training split, if left out."""
    unseen_classes: Path | None = None
    """File of the classes that are only recognized; unseen_classes.txt in --data if left out."""
    model: str | None = None
    """Folder of a dual encoder: its image tower is used, and its text tower for the queries."""
    queries: str | None = None
    """What embeds class names, instead of --model's text tower: a file of word vectors, a Hugging
    Face folder of a BERT, a dual encoder or a CLIP."""
    template: list[str] = field(default_factory=lambda: ["a photo of a {}."])
    """Prompts for class names, as in evaluate_zero_shot."""
    tune_loss_weights: bool = False
    """Choose alpha and beta by three folds of the training split, which hold out images and seen
    classes; wants a frozen image tower."""
    log_to: tuple[LoggerName, ...] = ("tensorboard",)
    """Where each epoch's figures go besides history.csv: tensorboard, wandb (Weights & Biases),
    mlflow; none if empty."""
    image: DecoderImageTower = field(default_factory=DecoderImageTower)
    head: DecoderHead = field(default_factory=DecoderHead)
    objective: JointObjective = field(default_factory=JointObjective)
    optimization: DecoderOptimization = field(default_factory=DecoderOptimization)

    @classmethod
    def parse(cls, argv: list[str]) -> "TrainClipDecoder":
        """Reads the command line, with defaults from a preset or from the run to resume."""
        return parse_run(cls, _Start, CLIP_DECODER_PRESETS, argv, "train_clip_decoder")

    def run(self, callbacks: Sequence[Any] = ()) -> dict[str, Any]:
        """Builds the model, trains it, saves it, and measures it.

        Args:
            callbacks: more Keras callbacks, which see each epoch's logs.

        Returns:
            What `metrics.json` holds.
        """
        self._check()
        from kclip.training.common.stop_signals import stop_signals

        with stop_signals() as stop_requested:
            return self._train_and_report(
                open_run(self, "train_clip_decoder", stop_requested, callbacks)
            )

    def _train_and_report(self, run: Run) -> dict[str, Any]:
        import keras

        from kclip.data.records.writer import open_split
        from kclip.training.clip_decoder.data import open_data
        from kclip.training.clip_decoder.labels import read_labels
        from kclip.training.clip_decoder.report import (
            evaluate_decoder,
            save_decoder,
            write_decoder_run,
        )
        from kclip.training.clip_decoder.towers import build_classifier, interpolate_alignment

        watch = Stopwatch()
        keras.utils.set_random_seed(self.optimization.seed)
        with watch.stage("build"):
            train = open_split(self.data, self.train_split)
            validation = open_split(self.data, self.validation_split)
            self._check_batch(train.num_records)
            lists = (self.seen_classes, self.unseen_classes)
            labels = read_labels(self.data, train, validation, *lists)
            self._check_head(labels)
            towers = self._open_towers()
            build = (labels.classes.seen, self.head)
            dtype = self.optimization.dtype
            classifier = build_classifier(towers, *build, self.objective.alpha > 0, dtype)
        with watch.stage("features" if not self.image.train else "data"):
            data = open_data(classifier, train, validation, self.optimization)
        # Not before: a request that could not be met leaves no run folder behind.
        if self.resume is None:
            write_config(self)
        objective = self.objective
        if self.tune_loss_weights:
            with watch.stage("tuning"):
                objective = self._tune(towers, data, labels)
                keras.utils.set_random_seed(self.optimization.seed)
                classifier = build_classifier(towers, *build, objective.alpha > 0, dtype)
        with watch.stage("training"):
            data.standardize(classifier)
            self._fit(classifier, towers, data, labels, objective, run)
            interpolate_alignment(classifier, towers, self.head.trained_fraction)
        classes = labels.classes
        if classes.unseen:
            assert towers.source is not None  # `_check_head` has seen to it
            queries = towers.source.embed_classes(classes.class_names)
            classifier = classifier.with_classes(classes.class_names, queries)
        source = self.queries or self.model
        saved_source = None if classifier.queries is None else source
        save_decoder(classifier, classes, saved_source, self.template, self.output / MODEL_FOLDER)
        with watch.stage("evaluation"):
            folder = self.output / MODEL_FOLDER
            results = evaluate_decoder(folder, self.data, self.validation_split)
        return write_decoder_run(self.output, self._about(labels, objective), results, watch)

    def _open_towers(self) -> "DecoderTowers":
        from kclip.multilabel.queries.remembered_source import RememberedSource
        from kclip.training.clip_decoder.towers import open_towers

        dtype = self.optimization.dtype
        towers = open_towers(self.model, self.image, self.queries, self.template, dtype)
        if towers.source is None:
            return towers
        return dataclasses.replace(towers, source=RememberedSource(towers.source))

    def _tune(
        self, towers: "DecoderTowers", data: "CachedData | StreamedData", labels: "DecoderLabels"
    ) -> JointObjective:
        from kclip.training.clip_decoder.data import CachedData
        from kclip.training.clip_decoder.loss_weights import (
            best_weights,
            read_trials,
            tune_loss_weights,
            write_trials,
        )

        assert isinstance(data, CachedData)  # `_check` has seen to it
        path = self.output / TUNING_FILE
        if not path.is_file():
            settings = (self.head, self.objective, self.optimization, labels.train_valid_mask)
            seen = labels.classes.seen
            write_trials(tune_loss_weights(towers, data, labels.train, seen, *settings), path)
        alpha, beta = best_weights(read_trials(path))
        return dataclasses.replace(self.objective, alpha=alpha, beta=beta)

    def _fit(
        self,
        classifier: Any,
        towers: "DecoderTowers",
        data: Any,
        labels: "DecoderLabels",
        objective: JointObjective,
        run: Run,
    ) -> None:
        from kclip.losses import JointLoss
        from kclip.training.clip_decoder.fit import compile_decoder, fit_decoder
        from kclip.training.clip_decoder.labels import label_targets

        source = towers.source if objective.alpha else None
        of_train = (labels.train, labels.classes.seen, source, objective.sentence)
        targets = label_targets(*of_train, labels.train_valid_mask)
        model = data.fed_model(classifier)
        steps = (len(labels.train) // self.optimization.batch_size) * self.optimization.epochs
        loss = JointLoss(objective.alpha, objective.beta)
        rate = self.image.learning_rate if self.image.train else None
        compile_decoder(model, classifier, loss, steps, self.optimization, rate)
        fit_decoder(
            model,
            data,
            targets,
            labels.seen_validation,
            self.optimization,
            run,
            labels.seen_validation_valid_mask,
        )

    def _check(self) -> None:
        check_settings(self)
        objective = self.objective
        if not objective.alpha + objective.beta:
            raise UserError(
                f"--objective.alpha {objective.alpha} and --objective.beta {objective.beta} "
                "weigh the two losses; at least one must be above 0"
            )
        if "{}" not in objective.sentence:
            raise UserError(
                f"--objective.sentence {objective.sentence!r} has no {{}} for the labels; add it"
            )
        if self.tune_loss_weights and (self.image.train or self.head.kind != "zero_shot"):
            raise UserError(
                "--tune-loss-weights trains many heads and holds out classes; leave --image.train, "
                "and --head.kind zero_shot, or give the weights"
            )
        from kclip.training.common.loggers import check_loggers

        check_loggers(self.log_to)
        if self.resume is None:
            check_new_run(self.output)

    def _check_batch(self, num_images: int) -> None:
        if self.optimization.batch_size > num_images:
            raise UserError(
                f"a batch of {self.optimization.batch_size} does not fit the {num_images} images "
                f"of split {self.train_split!r}; use --optimization.batch-size {num_images} or less"
            )

    def _check_head(self, labels: "DecoderLabels") -> None:
        unseen = labels.classes.unseen
        if unseen and self.head.kind != "zero_shot":
            raise UserError(
                f"a {self.head.kind} head cannot recognize the {len(unseen)} unseen classes "
                f"({unseen[0]}, ...); use --head.kind zero_shot, or list no unseen class"
            )

    def _about(self, labels: "DecoderLabels", objective: JointObjective) -> dict[str, Any]:
        tower = self.model or f"{self.image.backbone}, {self.image.size} pixels"
        tuned = f", chosen by {TUNING_FILE}" if self.tune_loss_weights else ""
        return {
            "data": self.data,
            "splits": f"{self.train_split} / {self.validation_split}",
            "training / validation images": f"{len(labels.train):,} / {len(labels.validation):,}",
            "seen / unseen classes": f"{len(labels.classes.seen)} / {len(labels.classes.unseen)}",
            "image tower": f"{tower}, {'trained' if self.image.train else 'frozen'}",
            "queries": self.queries or self.model or "learned",
            "prompts": code_list(self.template),
            "head": self.head.kind,
            "loss": f"{objective.alpha:g} L_clip + {objective.beta:g} L_c{tuned}",
            "weights": "of the last epoch"
            + (f", averaged with momentum {self.optimization.ema}" * (self.optimization.ema > 0)),
            "seed": self.optimization.seed,
        }
