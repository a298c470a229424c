"""The command that compares classifiers on the same images."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from kclip.config.checks import check_settings
from kclip.config.images import ImageLimits
from kclip.config.ranges import Count, Fraction, Range, Seed
from kclip.data.images.limits import within_limits
from kclip.errors import UserError
from kclip.reports.markdown import code_list
from kclip.zero_shot.prompts import DEFAULT_TEMPLATES

if TYPE_CHECKING:
    from kclip.data.labelled.images import LabelledImages
    from kclip.evaluation.comparison.panel import Panel


@dataclass(frozen=True)
class CompareClassifiers(ImageLimits):
    """Compares zero-shot classification, probes and fine-tuned networks on the same images.

    Writes metrics.json, report.md, confusion_matrices.png, accuracies.png and few_shot.png:
    accuracy, precision, recall and F1 with bootstrap intervals, and the paired differences.
    Embeddings are kept in the output folder, so a second run takes seconds.
    """

    images: Path
    """Folder with one sub-folder of images for each class: the test images, unless --train-fraction
    takes a part of them for training."""
    output: Path
    """Folder that the results are written to; made if missing."""
    zero_shot: tuple[str, ...] = ()
    """Models to classify by the names of the classes: model folders, or what kclip.load takes."""
    probe: tuple[str, ...] = ()
    """Models to fit a linear probe on, on their frozen embeddings of the training images."""
    classifier: tuple[str, ...] = ()
    """Models that train_classifier wrote, trained on the same classes: folders, or hf://owner/name
    of the Hugging Face hub."""
    shots: tuple[Count, ...] = ()
    """Also fit probes on so many training images a class: --shots 1 2 4 8 16."""
    draws: Count = 5
    """How often the images of --shots are sampled; mean and standard deviation are shown."""
    split: str | None = None
    """Of --images below folders of splits, the one to test on: by default test, or validation where
    there is no test; all for all together, none where the first level are classes."""
    train_images: Path | None = None
    """Class folders of training images for the probes; by default those of --images in the split
    train, if it has splits."""
    train_fraction: Fraction | None = None
    """Instead: the fraction of --images, sampled of each class by --seed, that the probes train on;
    all are tested on the rest. Give train_classifier the same fraction and seed."""
    classes: Path | None = None
    """Names of the classes in words: a text file of lines as "folder: name, synonym". Without it
    the folders' names; those of Animals-10 are translated."""
    template: list[str] = field(default_factory=lambda: list(DEFAULT_TEMPLATES))
    """Prompts of --zero-shot, as in evaluate_zero_shot."""
    published: Literal["everyday", "animals10"] | None = None
    """Show the Politecnico report's own figures on its everyday classes or on Animals-10."""
    resamples: Annotated[int, Range(100, 1_000_000)] = 2000
    """Bootstrap resamples of the images for the intervals."""
    seed: Seed = 0
    """Of the fraction, the shots, the folds and the resamples."""

    @within_limits
    def run(self) -> dict[str, Any]:
        """Reads the class folders, asks every method, and writes the comparison.

        Returns:
            What `metrics.json` holds.
        """
        from kclip.zero_shot.prompts import resolve_templates

        self._check()
        templates = resolve_templates(self.template)
        train, test = self._read()

        from kclip.evaluation.comparison.panel import Panel
        from kclip.evaluation.comparison.results import compare_methods
        from kclip.reports.comparison import few_shot_table, methods_table, write_comparison

        panel = Panel(
            test=test,
            train=train,
            templates=templates,
            shots=self.shots,
            draws=self.draws,
            seed=self.seed,
            cache=self.output / "embeddings",
        )
        self._ask(panel)
        results = compare_methods(panel.methods, test.class_names, self.resamples, self.seed)
        results |= {"few_shot": panel.curves, "num_train_images": len(train or ())}
        about = {
            "test images": f"{results['num_images']:,} of {test.origin}",
            "training images of probes": f"{len(train):,} of {train.origin}" if train else "none",
            "seed": self.seed,
            "prompts": code_list(templates),
        }
        write_comparison(self.output, about, results, self.published)
        print(methods_table(results))
        if panel.curves:
            print("", few_shot_table(panel.curves), sep="\n")
        print(f"the report is {self.output / 'report.md'}")
        return results

    def _check(self) -> None:
        check_settings(self)
        if not (self.zero_shot or self.probe or self.classifier):
            raise UserError(
                "nothing to compare was given; give --zero-shot, --probe or --classifier"
            )
        if self.shots and not self.probe:
            raise UserError("--shots needs a model; give it by --probe")
        sources = (self.train_images, self.train_fraction)
        if None not in sources:
            raise UserError("give --train-images or --train-fraction, not both")

    def _read(self) -> "tuple[LabelledImages | None, LabelledImages]":
        """The training images, if there are any, and the test images."""
        from kclip.data.images.content import check_unseen, content_digests
        from kclip.data.labelled.class_folders import (
            EVALUATION,
            TRAINING,
            check_same_classes,
            read_labelled_folder,
        )
        from kclip.data.labelled.copies import image_groups, warn_of_shared_copies
        from kclip.data.labelled.labelled_folder import LabelledFolder
        from kclip.data.labelled.stratified import sample_fraction

        folder = LabelledFolder.read(self.images, self.split, self.classes)
        if self.train_fraction is not None:
            folder.check_pooled(self.split, "--train-fraction")
            test = folder.take(self.split, EVALUATION, "evaluation")
            sampled, rest = sample_fraction(
                test.class_indices,
                self.train_fraction,
                self.seed,
                "--train-fraction",
                groups=image_groups(test),
            )
            return test.rows(sampled), test.rows(rest)
        test = folder.take(self.split, EVALUATION, "evaluation")
        if self.train_images is not None:
            options = {"wanted": TRAINING, "use": "training"}
            train = read_labelled_folder(self.train_images, self.classes, **options)
        elif self.probe and folder.has("train"):
            train = folder.take("train", TRAINING, "training")
        elif self.probe:
            raise UserError(
                "a probe needs training images; give --train-images or --train-fraction"
            )
        else:
            return None, test
        check_same_classes(train, test)
        check_unseen(content_digests(train.images), test.images, "the probe")
        warn_of_shared_copies(train, test)
        return train, test

    def _ask(self, panel: "Panel") -> None:
        # They load TensorFlow, so only once the input is sound.
        from kclip.evaluation.comparison.panel import short_names
        from kclip.inference.embedder import Embedder
        from kclip.inference.trained_classifier import TrainedClassifier

        models = list(dict.fromkeys((*self.zero_shot, *self.probe)))
        names = short_names([*models, *self.classifier])
        for model in models:
            embedder = Embedder.from_name(model)
            asked = {"zero_shot": model in self.zero_shot, "probe": model in self.probe}
            panel.ask_embedder(embedder, names[model], **asked)
        for folder in self.classifier:
            panel.ask_classifier(TrainedClassifier.from_folder(folder), names[folder])
