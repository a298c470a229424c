"""The command that classifies images by the names of their classes."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kclip.config.checks import check_settings
from kclip.config.images import ImageLimits
from kclip.config.ranges import Count, Fraction, PartialFraction, Range, Seed
from kclip.data.images.limits import within_limits
from kclip.errors import UserError

if TYPE_CHECKING:
    from kclip.data.benchmarks.registry import Protocol
    from kclip.data.labelled.images import LabelledImages
    from kclip.inference.embedded_images import EmbeddedImages
    from kclip.inference.embedder import Embedder
    from kclip.metrics.abstention import AccuracyThreshold
    from kclip.zero_shot.classifier import ZeroShotClassifier

MAX_PRINTED_CLASSES = 40  # a longer table would push the result off the screen


@dataclass(frozen=True)
class EvaluateZeroShot(ImageLimits):
    """Classifies images without training on their classes, and counts how often that is right.

    The images come from class folders (--images), from a benchmark in its own layout (--protocol
    and --data-dir) or from TFDS (--tfds). Writes metrics.json (accuracy, macro precision, recall
    and F1, top-5, each class, calibration), report.md, predictions.csv, per_class.csv, figures
    (confusion matrix, reliability, coverage) and the class embeddings as classes.npz.
    """

    model: str
    """Folder of a trained model, such as runs/demo/model, or whatever else kclip loads."""
    output: Path
    """Folder that the results are written to; made if missing."""
    images: Path | None = None
    """Folder with one sub-folder of images for each class, named after the class."""
    protocol: str = "folders"
    """Benchmark: imagenet, cifar10, cifar100, pets, celeba, animals10, or folders."""
    data_dir: Path | None = None
    """Folder of the benchmark's data set in its own layout (an error says which), or of TFDS."""
    tfds: str | None = None
    """Data set of TFDS by name, such as cifar10, or the folder of a prepared one."""
    split: str | None = None
    """Split of --tfds, or of class folders that lie in folders of splits: by default test, or
    validation where there is no test. For class folders also all, or none where the first level
    are classes, whatever they are called."""
    identities: Annotated[int, Range(2, 10_177)] = 100
    """Number of people for --protocol celeba; the paper has 100, 1,000 and 2,000."""
    classes: Path | None = None
    """Text file of one class a line: 'label: name, synonym, ...', or names only. The label is what
    the data calls the class, such as a folder. All names count alike."""
    template: list[str] | None = None
    """Prompts with {} for the class name, averaged; also the name of a set that comes with kclip
    (animals, faces, pets, photos, shapes, small_pictures) or a text file of one template a line.
    By default those of the protocol, or 'a photo of a {}.'"""
    top_k: Count = 5
    """Classes listed for each image in predictions.csv."""
    calibration_fraction: PartialFraction = 0.0
    """Fraction of each class, sampled by --seed, that a temperature is fitted on; the
    results are measured on the rest."""
    calibration_images: Path | None = None
    """Class folders of other images that a temperature is fitted on; of splits, validation or
    else train is taken."""
    threshold: Fraction | None = None
    """Probability below which the answer is "unknown"."""
    wanted_accuracy: Fraction | None = None
    """Chooses the lowest threshold that, with 95 % confidence, keeps this accuracy on the answers:
    Clopper and Pearson's lower bound on the calibration images reaches it."""
    seed: Seed = 0
    """Of the sample of calibration images and of CelebA's identities."""

    @within_limits
    def run(self) -> dict[str, Any]:
        """Reads images, embeds them and the class names, calibrates, and writes the results.

        Returns:
            What `metrics.json` holds.
        """
        from kclip.data.benchmarks.registry import find_protocol
        from kclip.evaluation.zero_shot import zero_shot_results
        from kclip.zero_shot.prompts import resolve_templates
        from kclip.zero_shot.saved_classifier import load_or_build_classifier, save_classifier

        self._check()
        protocol = find_protocol(self.protocol)
        templates = resolve_templates(self.template or protocol.templates)
        images, others = self._read(protocol)

        from kclip.inference.embedder import Embedder

        embedder = Embedder.from_name(self.model)
        path = self.output / "classes.npz"
        classifier = load_or_build_classifier(path, embedder, images.classes, templates)
        measured, fitted = self._embed(embedder, images, others)
        threshold, chosen = self.threshold, None
        if fitted is not None:
            classifier = classifier.calibrated(fitted.labels, fitted.embeddings)
            save_classifier(path, classifier, embedder.digest, images.classes, templates)
            chosen = self._choose_threshold(classifier, fitted)
        if chosen is not None:
            threshold = chosen.threshold
        results = zero_shot_results(classifier, measured, threshold, embedder.preprocessor)
        results["abstention"]["chosen"] = None if chosen is None else asdict(chosen)
        results["calibration"] |= {"num_images": 0 if fitted is None else len(fitted)}
        results["calibration"] |= {"fitted_on": self._fitted_on(len(fitted)) if fitted else None}
        results |= self._about(protocol, templates, len(measured), fitted is not None)
        self._write(classifier, measured, results)
        return results

    def _check(self) -> None:
        """Refuses options that make no sense together, before anything is read."""
        check_settings(self)
        if self.images and (self.protocol != "folders" or self.tfds or self.data_dir):
            raise UserError("--images is for class folders alone; leave out the other data options")
        if not (self.images or self.tfds or self.data_dir):
            raise UserError("no images; give --images, or --protocol and --data-dir, or --tfds")
        if self.wanted_accuracy is not None:
            if self.threshold is not None:
                raise UserError("give --threshold or --wanted-accuracy, not both")
            if not (self.calibration_fraction or self.calibration_images):
                raise UserError(
                    "--wanted-accuracy chooses a threshold on labelled images that are not "
                    "measured; give --calibration-fraction or --calibration-images"
                )

    def _read(self, protocol: "Protocol") -> "tuple[LabelledImages, LabelledImages | None]":
        """The images to classify, and those of `calibration_images`."""
        from kclip.data.benchmarks.registry import with_class_names
        from kclip.data.benchmarks.tfds_split import read_tfds
        from kclip.data.images.content import warn_of_measured_images
        from kclip.data.labelled.class_folders import CALIBRATION, read_labelled_folder
        from kclip.data.labelled.class_names import read_class_names
        from kclip.zero_shot.classifier import named_classes

        if self.tfds:
            images = read_tfds(self.tfds, self.split or "test", self.data_dir)
        elif self.protocol == "celeba":
            images = protocol.read(self.data_dir, self.identities, self.seed)
        else:
            options = {"split": self.split} if protocol.has_splits else {}
            images = protocol.read(self.images or self.data_dir, **options)
        if self.classes:
            images = with_class_names(images, read_class_names(self.classes), self.classes)
        named_classes(images.classes)
        if self.calibration_images is None:
            return images, None
        others = read_labelled_folder(
            self.calibration_images, wanted=CALIBRATION, use="calibration"
        )
        warn_of_measured_images(others.images, images.images)
        return images, others

    def _embed(
        self, embedder: "Embedder", images: "LabelledImages", others: "LabelledImages | None"
    ) -> "tuple[EmbeddedImages, EmbeddedImages | None]":
        """The images to measure on, and those to calibrate with, if any."""
        from kclip.data.labelled.copies import image_groups
        from kclip.data.labelled.stratified import sample_fraction
        from kclip.inference.embedded_images import embed_labelled_images

        measured = embed_labelled_images(embedder.embed_images, images)
        fitted = None
        if others is not None:
            others = others.with_classes(images.classes)
            fitted = embed_labelled_images(embedder.embed_images, others)
        if self.calibration_fraction:
            # A benchmark may have classes of one image, which then is measured.
            sampled, rest = sample_fraction(
                measured.labels,
                self.calibration_fraction,
                self.seed,
                "--calibration-fraction",
                every_class=False,
                groups=image_groups(measured.images),
            )
            own, measured = measured.rows(sampled), measured.rows(rest)
            fitted = own + fitted if fitted else own
        return measured, fitted

    def _choose_threshold(
        self, classifier: "ZeroShotClassifier", fitted: "EmbeddedImages"
    ) -> "AccuracyThreshold | None":
        from kclip.metrics.abstention import CONFIDENCE, threshold_for_accuracy

        if self.wanted_accuracy is None:
            return None
        probabilities = classifier.predict_probabilities(fitted.embeddings)
        chosen = threshold_for_accuracy(fitted.labels, probabilities, self.wanted_accuracy)
        if chosen is None:
            raise UserError(
                f"no threshold makes {self.wanted_accuracy:.1%} of the answers right, as far as "
                f"{len(fitted)} calibration images can tell with {CONFIDENCE:.0%} confidence; give "
                "more of them, or a lower --wanted-accuracy"
            )
        return chosen

    def _fitted_on(self, count: int) -> str:
        sampled = f"{self.calibration_fraction:.0%} of each class, sampled by seed {self.seed}"
        parts = [sampled] if self.calibration_fraction else []
        parts += [f"the images in {self.calibration_images}"] if self.calibration_images else []
        return f"{' and '.join(parts)} ({count:,} images)"

    def _about(
        self, protocol: "Protocol", templates: list[str], num_images: int, calibrated: bool
    ) -> dict[str, Any]:
        rest = (
            " that no temperature was fitted on" if calibrated and self.calibration_fraction else ""
        )
        return {
            "protocol": self.protocol,
            "metric": protocol.metric,
            "published": [asdict(figure) for figure in protocol.published],
            "templates": templates,
            "evaluated_on": f"{'the' if rest else 'all'} {num_images:,} images{rest}",
        }

    def _write(
        self,
        classifier: "ZeroShotClassifier",
        measured: "EmbeddedImages",
        results: dict[str, Any],
    ) -> None:
        from kclip.reports.tables import classification_table, per_class_table
        from kclip.reports.zero_shot import (
            calibration_table,
            published_table,
            write_predictions,
            write_zero_shot_report,
        )

        threshold = results["abstention"]["threshold"] or 0.0
        write_predictions(
            self.output / "predictions.csv",
            measured.images.file_names,
            [classifier.class_names[label] for label in measured.labels],
            classifier.predict(measured.embeddings, threshold),
            classifier.top_k(measured.embeddings, self.top_k),
        )
        data = self.tfds or self.images or self.data_dir
        about = {"model": self.model, "protocol": self.protocol, "data": data, "seed": self.seed}
        write_zero_shot_report(self.output, about, results)
        tables = [classification_table(results), calibration_table(results["calibration"])]
        if results["published"]:
            tables.append(published_table(results))
        if len(classifier.class_names) <= MAX_PRINTED_CLASSES:
            tables.append(per_class_table(results))
        print(*tables, sep="\n\n")
        print(f"the report is {self.output / 'report.md'}")
