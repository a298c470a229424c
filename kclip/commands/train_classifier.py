"""The command that fine-tunes an image tower on classes of one's own."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from kclip.config.checks import check_settings
from kclip.config.classifier import ClassifierSettings
from kclip.config.images import ImageLimits
from kclip.config.presets import CLASSIFIER_PRESETS
from kclip.config.ranges import Fraction
from kclip.data.images.limits import within_limits
from kclip.errors import UserError
from kclip.training.common.command import TrainingCommand
from kclip.training.common.run import Run
from kclip.training.common.stopwatch import Stopwatch

if TYPE_CHECKING:
    from kclip.models import ImageClassifier
    from kclip.training.classifier.data import ClassifierData

MODEL_FOLDER = "model"
ClassifierPreset = Literal["tiny", "xception", "efficientnetb7"]


@dataclass(frozen=True, kw_only=True)
class TrainClassifier(TrainingCommand, ImageLimits):
    """Fine-tunes an image tower on folders of images, one folder a class.

    Writes a run folder: config.json, history.csv, curves.png, confusion_matrix.png, metrics.json,
    report.md, tensorboard/, and model/, which compare_classifiers and ImageClassifier.from_preset
    load. Ctrl-C and SIGTERM save; --resume goes on from there, or from the last save before a
    crash.
    """

    images: Path
    """Folder with one sub-folder of images for each class, or with such below folders of splits."""
    split: str | None = None
    """Of folders of splits, the one to train on: by default train, with validation to choose the
    best epoch by, if it is there; all for all together, none where the first level are classes."""
    output: Path = Path("runs/classifier")
    """Run folder; new or empty."""
    preset: ClassifierPreset = "tiny"
    """Where the other flags' defaults come from: tiny (a small network from scratch), xception or
    efficientnetb7 (the Politecnico report's). Add --help to see them."""
    train_fraction: Fraction | None = None
    """Fraction of each class to train and validate on, sampled by --seed; compare_classifiers with
    the same fraction and seed tests on the rest. All of --images if left out."""
    validation_images: Path | None = None
    """Class folders of other images to choose the best epoch by."""
    validation_fraction: Fraction = 0.2
    """Without them and without a split for it: the fraction of each class that is held out."""
    features_dir: Path | None = None
    """Where the outputs of the frozen network are kept, for --resume and further runs; by default
    the folder of the environment variable KCLIP_FEATURES_DIR, or the user's cache. See
    manage_features."""
    settings: tyro.conf.OmitArgPrefixes[ClassifierSettings] = field(
        default_factory=ClassifierSettings
    )

    NAME = "train_classifier"
    PRESETS = {
        name: {"images": tyro.MISSING, "settings": settings}
        for name, settings in CLASSIFIER_PRESETS.items()
    }

    @within_limits
    def train(self, run: Run) -> dict[str, Any]:
        """See `TrainingCommand`."""
        import keras

        from kclip.features import FeatureStore
        from kclip.training.classifier.data import build_batches
        from kclip.training.classifier.fine_tuning import train_classifier

        watch = Stopwatch()
        keras.utils.set_random_seed(self.settings.seed)
        with watch.stage("data"):
            data = self._read()
        with watch.stage("build"):
            model = self._build(list(data.train.classes))
        self.write_config()
        with watch.stage("training"):
            batches = build_batches(data, model, self.settings)
            store = FeatureStore.at(self.features_dir)
            history = train_classifier(model, *batches, self.settings, run, store)
        return self._save_and_report(model, data, history, watch)

    def _read(self) -> "ClassifierData":
        from kclip.training.classifier.data import read_classifier_data

        return read_classifier_data(
            self.images,
            self.split,
            self.train_fraction,
            self.validation_images,
            self.validation_fraction,
            self.settings.seed,
        )

    def _build(self, class_names: list[str]) -> "ImageClassifier":
        from kclip.inference.towers import open_image_tower
        from kclip.models import ImageClassifier

        settings = self.settings
        tower = open_image_tower(
            settings.backbone,
            image_size=settings.size,
            weights=settings.weights,
            alpha=settings.alpha,
            dtype=settings.dtype,
        )
        resize = settings.resize or tower.resize
        options = {"dropout": settings.dropout, "resize": resize, "dtype": settings.dtype}
        return ImageClassifier(tower.encoder, class_names, **options)

    def _save_and_report(
        self,
        model: "ImageClassifier",
        data: "ClassifierData",
        history: list[dict[str, float]],
        watch: Stopwatch,
    ) -> dict[str, Any]:
        from kclip.data.images.content import content_digests
        from kclip.files import write_text
        from kclip.inference.trained_classifier import TrainedClassifier
        from kclip.models.folder.content import CARD_FILE
        from kclip.reports.image_classifier import write_classifier_report
        from kclip.reports.tables import classification_table
        from kclip.training.classifier.data import validation_batches
        from kclip.training.classifier.report import evaluate_classifier, kept_epoch, model_card

        used = content_digests([*data.train.images, *data.validation.images])
        folder, card = self.output / MODEL_FOLDER, model_card(self, data)
        TrainedClassifier(model, used).save(folder, card.text())
        with watch.stage("evaluation"):
            results = evaluate_classifier(model, validation_batches(data, model, self.settings))
        about = self._about(data, model.image_encoder.image_size, watch)
        about |= {"weights that are kept": kept_epoch(history)}
        results["run"] = {"seconds": watch.seconds, "peak_memory_gib": watch.peak_memory_gib}
        write_classifier_report(self.output, about, results)
        write_text(folder / CARD_FILE, replace(card, results=results).text())
        print(classification_table(results))
        print(f"the report is {self.output / 'report.md'}, the model {folder}")
        return results

    def check(self) -> None:
        """See `TrainingCommand`."""
        check_settings(self)
        if self.settings.fine_tune_layers == 0 and not self.settings.pretrained:
            raise UserError(
                "--fine-tune-layers 0 would leave a network without weights untrained; give "
                "--weights imagenet or a file, or a folder as --backbone, or train all its layers"
            )

    def _about(
        self, data: "ClassifierData", image_size: int, watch: Stopwatch
    ) -> dict[str, object]:
        settings = self.settings
        weights = settings.weights or (settings.backbone if settings.pretrained else "none")
        return {
            "images": data.train.origin,
            "validated on": data.validation.origin,
            "training / validation images": f"{len(data.train):,} / {len(data.validation):,}",
            "network": f"{settings.backbone}, {image_size} pixels",
            "weights to start from": weights,
            "fine-tuned layers": settings.fine_tune_layers,
            "seed": settings.seed,
            "seconds": ", ".join(f"{stage} {time}" for stage, time in watch.seconds.items()),
            "peak memory": f"{watch.peak_memory_gib} GiB",
        }
