"""The command that fine-tunes a network of keras.applications on classes of one's own."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from kclip.config.checks import check_settings
from kclip.config.classifier import ClassifierSettings
from kclip.config.parsing import parse_command
from kclip.config.presets import CLASSIFIER_PRESETS
from kclip.config.ranges import Fraction
from kclip.errors import KclipError, UserError
from kclip.training.common.run_folder import check_new_run, write_config
from kclip.training.common.stopwatch import Stopwatch

if TYPE_CHECKING:
    from kclip.models import ImageClassifier
    from kclip.training.classifier.data import ClassifierData
    from kclip.training.common.stop_signals import StopRequest

MODEL_FOLDER = "model"
ClassifierPreset = Literal["tiny", "xception", "efficientnetb7"]


@dataclass(frozen=True)
class _Start:
    """What must be known before the other flags have their defaults."""

    preset: ClassifierPreset = "tiny"


@dataclass(frozen=True)
class TrainClassifier:
    """Fine-tunes a network of keras.applications on folders of images, one folder a class.

    Writes a run folder: config.json, history.csv, curves.png, confusion_matrix.png, metrics.json,
    report.md, and model/, which compare_classifiers and ImageClassifier.from_preset load. Ctrl-C
    ends training and keeps the best so far.
    """

    images: Path
    """Folder with one sub-folder of images for each class."""
    output: Path = Path("runs/classifier")
    """Run folder; new or empty."""
    preset: ClassifierPreset = "tiny"
    """Where the other flags' defaults come from: tiny (a small network from scratch), xception or
    efficientnetb7 (the Politecnico report's). Add --help to see them."""
    train_fraction: Fraction | None = None
    """Share of each class to train and validate on, drawn by --seed; compare_classifiers with the
    same share and seed tests on the rest. All of --images if left out."""
    validation_images: Path | None = None
    """Class folders of other images to choose the best epoch by."""
    validation_fraction: Fraction = 0.2
    """Without them: the share of each class that is held out for that."""
    settings: tyro.conf.OmitArgPrefixes[ClassifierSettings] = field(
        default_factory=ClassifierSettings
    )

    @classmethod
    def parse(cls, argv: list[str]) -> "TrainClassifier":
        """Reads the command line, with defaults from a preset."""
        start, _ = tyro.cli(_Start, args=argv, return_unknown_args=True, add_help=False)
        default = cls(
            images=tyro.MISSING, preset=start.preset, settings=CLASSIFIER_PRESETS[start.preset]
        )
        return parse_command(cls, argv, "train_classifier", default=default)

    def run(self) -> None:
        """Builds the network, trains head and network, saves and measures it."""
        self._check()
        from kclip.training.common.stop_signals import stop_signals

        with stop_signals() as stop_requested:
            self._train_and_report(stop_requested)

    def _train_and_report(self, stop_requested: "StopRequest") -> None:
        import keras

        from kclip.training.classifier.data import build_batches
        from kclip.training.classifier.fine_tuning import train_classifier

        watch = Stopwatch()
        keras.utils.set_random_seed(self.settings.seed)
        with watch.stage("data"):
            data = self._read()
        with watch.stage("build"):
            model = self._build(list(data.train.classes))
        # Not before: a request that could not be met leaves no run folder behind.
        write_config(self)
        with watch.stage("training"):
            batches = build_batches(data, model, self.settings)
            history = train_classifier(model, *batches, self.settings, self.output, stop_requested)
        if not history:
            raise self._stopped(stop_requested, "nothing was trained yet, and nothing is saved")
        self._save_and_report(model, data, history, watch)
        if stop_requested():
            folder = self.output / MODEL_FOLDER
            raise self._stopped(stop_requested, f"the best so far is saved in {folder}")

    def _read(self) -> "ClassifierData":
        from kclip.training.classifier.data import read_classifier_data

        return read_classifier_data(
            self.images,
            self.train_fraction,
            self.validation_images,
            self.validation_fraction,
            self.settings.seed,
        )

    def _build(self, class_names: list[str]) -> "ImageClassifier":
        from kclip.models import ImageClassifier, ImageEncoder

        settings = self.settings
        encoder = ImageEncoder(
            settings.backbone,
            image_size=settings.size,
            alpha=settings.alpha,
            weights=settings.weights,
            dtype=settings.dtype,
            name="image_encoder",
        )
        options = {"dropout": settings.dropout, "resize": settings.resize}
        return ImageClassifier(encoder, class_names, dtype=settings.dtype, **options)

    def _save_and_report(
        self,
        model: "ImageClassifier",
        data: "ClassifierData",
        history: list[dict[str, float]],
        watch: Stopwatch,
    ) -> None:
        from kclip.data.images.content import content_digests
        from kclip.inference.trained_classifier import TrainedClassifier
        from kclip.reports.image_classifier import write_classifier_report
        from kclip.reports.tables import classification_table
        from kclip.training.classifier.data import validation_batches
        from kclip.training.classifier.report import evaluate_classifier, kept_epoch

        used = content_digests([*data.train.images, *data.validation.images])
        TrainedClassifier(model, used).save(self.output / MODEL_FOLDER)
        with watch.stage("evaluation"):
            results = evaluate_classifier(model, validation_batches(data, model, self.settings))
        about = self._about(data, watch) | {"weights that are kept": kept_epoch(history)}
        results["run"] = {"seconds": watch.seconds, "peak_memory_gib": watch.peak_memory_gib}
        write_classifier_report(self.output, about, results)
        print(classification_table(results))
        print(f"the report is {self.output / 'report.md'}, the model {self.output / MODEL_FOLDER}")

    def _check(self) -> None:
        check_settings(self)
        if self.settings.fine_tune_layers == 0 and self.settings.weights is None:
            raise UserError(
                "--fine-tune-layers 0 would leave a network without weights untrained; give "
                "--weights imagenet or a file, or train all its layers"
            )
        check_new_run(self.output, resumable=False)

    def _about(self, data: "ClassifierData", watch: Stopwatch) -> dict[str, object]:
        settings = self.settings
        return {
            "images": self.images,
            "training / validation images": f"{len(data.train):,} / {len(data.validation):,}",
            "network": f"{settings.backbone}, {settings.size} pixels",
            "weights to start from": settings.weights or "none",
            "fine-tuned layers": settings.fine_tune_layers,
            "seed": settings.seed,
            "seconds": ", ".join(f"{stage} {time}" for stage, time in watch.seconds.items()),
            "peak memory": f"{watch.peak_memory_gib} GiB",
        }

    def _stopped(self, stop_requested: "StopRequest", what: str) -> KclipError:
        signal = stop_requested.signal
        assert signal is not None  # else nothing would have ended training early
        error = KclipError(f"stopped by {signal.name}; {what}")
        error.exit_code = 128 + signal
        return error
