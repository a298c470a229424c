"""The command that trains a dual encoder."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kclip.config.checks import check_settings
from kclip.config.dual_encoder import Objective, Optimization
from kclip.config.presets import PRESETS
from kclip.config.ranges import Fraction
from kclip.config.towers import ImageTower, TextTower, check_training
from kclip.errors import UserError
from kclip.training.common.command import TrainingCommand
from kclip.training.common.run import Run
from kclip.training.common.stopwatch import Stopwatch

if TYPE_CHECKING:
    from kclip.data.labelled.images import LabelledImages
    from kclip.models.towers.application_weights import Classifier

PresetName = Literal[
    "tiny",
    "bert_xception",
    "flickr8k",
    "fine_tune_clip",
    "fine_tune_siglip",
    "locked_image",
    "few_images",
]
# What of a tower's settings a --model leaves to be chosen.
_OF_ANY_TOWER = ("train", "learning_rate", "layer_decay", "gradient_checkpointing")


@dataclass(frozen=True, kw_only=True)
class TrainDualEncoder(TrainingCommand):
    """Trains a dual encoder on TFRecords of images and captions.

    Writes a run folder: config.json, history.csv, curves.png, metrics.json, report.md,
    tensorboard/, and model/, which the other commands and DualEncoder.from_preset load; of adapters
    also adapters/, for kclip.load(MODEL, adapters=...). Ctrl-C and SIGTERM save; --resume goes on
    from there, or from the last save before a crash.
    """

    preset: PresetName = "tiny"
    """Where the other flags' defaults come from: tiny (the generated scenes), bert_xception (the
    Politecnico report), flickr8k; with --model, fine_tune_clip, fine_tune_siglip, locked_image
    (the image side stays as it is) or few_images (the images' last projection alone). Add --help
    to see them."""
    model: str | None = None
    """A model to go on from instead of new towers: whatever kclip.load takes, such as a folder of
    CLIP or SigLIP, a name of a hub, or the model/ folder of a run. It keeps its heads, its logit
    scale, its preprocessing and its tokenizer."""
    keep_fraction: Literal["auto"] | Fraction = 0.0
    """With --model: how far the weights go back to those before the training at its end (WiSE-FT).
    0: not at all; auto: what serves the recall on the validation split and the accuracy on
    --zero-shot best together."""
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
        from kclip.training.dual_encoder.cuts import find_cuts
        from kclip.training.dual_encoder.data import (
            cached_data,
            chunked,
            open_splits,
            streamed_data,
        )
        from kclip.training.dual_encoder.fine_tuning import finish, open_start
        from kclip.training.dual_encoder.fit import compile_dual_encoder, fit
        from kclip.training.dual_encoder.report import (
            ADAPTERS_FOLDER,
            MODEL_FOLDER,
            evaluate_run,
            model_card,
            save_model,
            write_run,
        )

        watch = Stopwatch()
        class_images = self._class_images()  # now, not after hours of training
        keras.utils.set_random_seed(self.optimization.seed)
        names = (self.train_split, self.validation_split)
        train, validation = open_splits(self.data, names, self.optimization.batch_size)
        texts = (caption for _, _, captions in iterate_texts(train) for caption in captions)
        towers = (self.image, self.text, self.objective)
        with watch.stage("build"):
            start = self.model and open_start(self.model, *towers, self.optimization.dtype)
            model, preprocessor = (
                (start.model, start.preprocessor)
                if start
                else build_dual_encoder(*towers, texts, self.optimization.dtype)
            )
            sides = (self.image, self.text, self.optimization)
            cuts = find_cuts(model, preprocessor, (train, validation), *sides)
        streamed = self.image.trained and cuts.image is None
        with watch.stage("data" if streamed else "features"):
            arguments = (model, preprocessor, train, validation, self.optimization)
            if streamed:
                data = streamed_data(*arguments)
            else:
                store = FeatureStore.at(self.features_dir)
                data = cached_data(*arguments, store, self._classifier(), cuts)
            if self.optimization.chunk_size is not None:
                data = chunked(data, self.optimization.chunk_size)
        embedder = Embedder(model, preprocessor)
        evaluate = partial(evaluate_run, embedder, data, validation, class_images, self.template)
        before = None
        if start:
            with watch.stage("evaluation before"):
                before = evaluate()
        self.write_config()
        with watch.stage("training"):
            loss = build_loss(self.objective)
            compile_dual_encoder(data, model, loss, self.image, self.text, self.optimization)
            fit(data, self.optimization, run, before)
            tuning = {}
            if start and before:
                adapters = self.output / ADAPTERS_FOLDER
                tuning = finish(start, before, self.keep_fraction, evaluate, adapters)
            card = model_card(self, train, validation)
            save_model(model, preprocessor, card, self.output / MODEL_FOLDER)
        with watch.stage("evaluation"):
            results = evaluate() | tuning
        return write_run(self, validation, results, card, watch)

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
        check_training("image", self.image)
        check_training("text", self.text)
        self._check_start()
        settings = self.optimization
        batch, chunk = settings.batch_size + settings.class_pairs, settings.chunk_size
        if chunk is not None and batch % chunk:
            raise UserError(
                f"--optimization.chunk-size {chunk} does not divide the batch of {batch}; "
                "give a number that does, or another --optimization.batch-size"
            )
        if settings.class_pairs and (self.image.trained or not self.image.pretrained):
            raise UserError(
                "--optimization.class-pairs come from a frozen image tower's own classifier; leave "
                "--image.train head, and give --image.weights, or a folder as --image.backbone"
            )
        if self.zero_shot is not None:
            from kclip.zero_shot.prompts import resolve_templates

            resolve_templates(self.template)
        elif self.zero_shot_split is not None:
            raise UserError("--zero-shot-split is of --zero-shot; give that, too")

    def _check_start(self) -> None:
        """Looks at what --model leaves to be chosen; raises `UserError`."""
        if self.model is None:
            frozen = [side for side in ("image", "text") if getattr(self, side).train == "frozen"]
            if frozen or self.keep_fraction or self.objective.stay_near:
                flag = f"--{frozen[0]}.train frozen" if frozen else "--keep-fraction"
                raise UserError(
                    f"{flag if frozen or self.keep_fraction else '--objective.stay-near'} keeps "
                    "what a model knew before; give that one as --model"
                )
            return
        for side, tower in (("image", self.image), ("text", self.text)):
            usual = self.PRESETS[self.preset][side]
            of_any = {name: getattr(tower, name) for name in _OF_ANY_TOWER}
            if tower != replace(usual, **of_any):
                flags = [f"--{side}.{name.replace('_', '-')}" for name in _OF_ANY_TOWER]
                raise UserError(
                    f"--model brings its {side} tower along; of the --{side} flags only "
                    f"{', '.join(flags[:-1])} and {flags[-1]} are for it, so leave the others"
                )
        if self.optimization.class_pairs:
            raise UserError("--optimization.class-pairs are for new towers; leave it, or --model")
        if self.keep_fraction == "auto" and self.zero_shot is None:
            raise UserError(
                "--keep-fraction auto weighs what is learned against what was known before; give "
                "class folders as --zero-shot, or a number"
            )
