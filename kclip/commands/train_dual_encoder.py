"""The command that trains a dual encoder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kclip.config.checks import check_settings
from kclip.config.dual_encoder import Objective, Optimization
from kclip.config.presets import PRESETS
from kclip.config.towers import ImageTower, TextTower
from kclip.errors import UserError
from kclip.training.common.command import TrainingCommand
from kclip.training.common.run import Run
from kclip.training.common.stopwatch import Stopwatch

if TYPE_CHECKING:
    from kclip.data.labelled.images import LabelledImages
    from kclip.models.towers.application_weights import Classifier

PresetName = Literal["tiny", "bert_xception", "flickr8k"]


@dataclass(frozen=True, kw_only=True)
class TrainDualEncoder(TrainingCommand):
    """Trains a dual encoder on TFRecords of images and captions.

    Writes a run folder: config.json, history.csv, curves.png, metrics.json, report.md,
    tensorboard/, and model/, which the other commands and DualEncoder.from_preset load. Ctrl-C
    and SIGTERM save; --resume goes on from there, or from the last save before a crash.
    """

    preset: PresetName = "tiny"
    """Where the other flags' defaults come from: tiny (the generated scenes), bert_xception (the
    Politecnico report) or flickr8k. Add --help to see them."""
    data: Path = Path("tfrecords/synthetic")
    """Folder that build_tfrecords wrote."""
    output: Path = Path("runs/dual_encoder")
    """Run folder; new or empty."""
    train_split: str = "train"
    """Split to train on."""
    validation_split: str = "validation"
    """Split for the validation loss, recall and the report's retrieval figures."""
    zero_shot: Path | None = None
    """Folder of class folders to classify at the end, for the report."""
    zero_shot_split: str | None = None
    """Split of --zero-shot, where its class folders lie below folders of splits: by default test,
    or validation where there is no test; all for all together, none where the first level are
    classes, whatever they are called."""
    template: list[str] = field(default_factory=lambda: ["a photo of a {}."])
    """Prompts for --zero-shot, as in evaluate_zero_shot."""
    features_dir: Path | None = None
    """Where the outputs of frozen towers are kept; by default the folder of the environment
    variable KCLIP_FEATURES_DIR, or the user's cache. See manage_features."""
    image: ImageTower = field(default_factory=ImageTower)
    text: TextTower = field(default_factory=TextTower)
    objective: Objective = field(default_factory=Objective)
    optimization: Optimization = field(default_factory=Optimization)

    NAME = "train_dual_encoder"
    PRESETS = PRESETS

    def train(self, run: Run) -> dict[str, Any]:
        """See `TrainingCommand`."""
        import keras

        from kclip.data.pipeline.split_reading import iterate_texts
        from kclip.features import FeatureStore
        from kclip.inference.embedder import Embedder
        from kclip.training.dual_encoder.building import build_dual_encoder, build_loss
        from kclip.training.dual_encoder.data import (
            cached_data,
            chunked,
            open_splits,
            streamed_data,
        )
        from kclip.training.dual_encoder.fit import compile_dual_encoder, fit
        from kclip.training.dual_encoder.report import (
            MODEL_FOLDER,
            evaluate_run,
            save_model,
            write_run,
        )

        watch = Stopwatch()
        class_images = self._class_images()  # now, not after hours of training
        keras.utils.set_random_seed(self.optimization.seed)
        names = (self.train_split, self.validation_split)
        train, validation = open_splits(self.data, names, self.optimization.batch_size)
        texts = (caption for _, _, captions in iterate_texts(train) for caption in captions)
        with watch.stage("build"):
            towers = (self.image, self.text, self.objective)
            model, preprocessor = build_dual_encoder(*towers, texts, self.optimization.dtype)
        with watch.stage("features" if not self.image.train else "data"):
            arguments = (model, preprocessor, train, validation, self.optimization)
            if self.image.train:
                data = streamed_data(*arguments)
            else:
                data = cached_data(
                    *arguments, FeatureStore.at(self.features_dir), self._classifier()
                )
            if self.optimization.chunk_size is not None:
                data = chunked(data, self.optimization.chunk_size)
        self.write_config()
        with watch.stage("training"):
            loss = build_loss(self.objective)
            compile_dual_encoder(data, model, loss, self.image, self.text, self.optimization)
            fit(data, self.optimization, run)
            save_model(model, preprocessor, self.output / MODEL_FOLDER)
        with watch.stage("evaluation"):
            results = evaluate_run(
                Embedder(model, preprocessor), data, validation, class_images, self.template
            )
        return write_run(self, validation, results, watch)

    def _class_images(self) -> "LabelledImages | None":
        from kclip.data.labelled.class_folders import read_labelled_folder

        if self.zero_shot is None:
            return None
        split, flag = self.zero_shot_split, "--zero-shot-split"
        return read_labelled_folder(self.zero_shot, split=split, flag=flag)

    def _classifier(self) -> "Classifier | None":
        from kclip.models.pretrained.image_towers import load_imagenet_classifier

        if not self.optimization.class_pairs:
            return None
        return load_imagenet_classifier(self.image.backbone, self.image.weights, self.image.alpha)

    def check(self) -> None:
        """See `TrainingCommand`."""
        check_settings(self)
        settings = self.optimization
        batch, chunk = settings.batch_size + settings.class_pairs, settings.chunk_size
        if chunk is not None and batch % chunk:
            raise UserError(
                f"--optimization.chunk-size {chunk} does not divide the batch of {batch}; "
                "give a number that does, or another --optimization.batch-size"
            )
        if settings.class_pairs and (self.image.train or not self.image.pretrained):
            raise UserError(
                "--optimization.class-pairs come from a frozen image tower's own classifier; leave "
                "--image.train, and give --image.weights, or a folder as --image.backbone"
            )
        if self.zero_shot is not None:
            from kclip.zero_shot.prompts import resolve_templates

            resolve_templates(self.template)
        elif self.zero_shot_split is not None:
            raise UserError("--zero-shot-split is of --zero-shot; give that, too")
