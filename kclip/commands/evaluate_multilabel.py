"""The command that measures multi-label recognition, of unseen classes too."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kclip.config.checks import check_settings
from kclip.config.images import ImageLimits
from kclip.config.ranges import Fraction
from kclip.data.images.limits import within_limits
from kclip.data.sources.reading_options import LabelTableOptions, ReadingOptions
from kclip.errors import UserError
from kclip.files.checksums import note_checksums

if TYPE_CHECKING:
    from kclip.data.labelled.images import LabelledImages
    from kclip.evaluation.multilabel import MultilabelEvaluation
    from kclip.multilabel.recognition.opening import Recognizer
    from kclip.multilabel.thresholds import Thresholds


@dataclass(frozen=True, kw_only=True)
class EvaluateMultilabel(LabelTableOptions, ImageLimits):
    """Measures how well a model finds all labels of an image, of classes never trained on too.

    The model is one of train_clip_decoder, or a dual encoder or CLIP, which ranks classes by the
    cosine of their prompts and is the baseline. Writes metrics.json (ZSL: unseen classes, GZSL: all
    classes; mAP and F1@K by several conventions), per_class.csv, predictions.csv, figures and
    report.md. Ignored labels of the records, such as VOC's "difficult" objects, are neither right
    nor wrong.
    """

    model: str
    """Folder of a trained model, such as runs/clip_decoder/model, or whatever kclip loads."""
    output: Path
    """Folder that the results are written to; made if missing."""
    data: Path | None = None
    """Folder of TFRecords with labels."""
    split: str = "validation"
    """Split of --data that is measured."""
    images: Path | None = None
    """Instead of --data: a folder of images, with --labels."""
    labels: Path | None = None
    """CSV with the header image,labels or image,tags (several joined, or a list), image,label (one
    a row), or with a column of 0 and 1 for each class."""
    classes: Path | None = None
    """Text file of the classes to look for, one name a line. By default those of the model; for a
    dual encoder or CLIP those of --seen-classes and --unseen-classes, or every label of the
    images."""
    seen_classes: Path | None = None
    """For a dual encoder or CLIP: text file of the seen classes, one a line; by default
    seen_classes.txt in --data, if there is one."""
    unseen_classes: Path | None = None
    """The unseen ones, likewise."""
    template: list[str] = field(default_factory=lambda: ["{}"])
    """Prompts of a dual encoder or CLIP, with {} for the class name, averaged; also the name of a
    set that comes with kclip, such as photos, or a text file of one template a line."""
    thresholds: Literal["per_class", "global"] | None = None
    """Choose thresholds on --threshold-split, and keep them in the model folder for
    MultiLabelRecognizer.predict_labels. Without it the folder's own are used, if it has any."""
    threshold_split: str | None = None
    """Split of --data that thresholds are chosen on: another than --split. Scores on the training
    images are higher than on new ones, so a split of its own is best."""
    wanted_precision: Fraction | None = None
    """Choose the highest recall that comes with this precision, instead of the best F1. The lower
    bound of Clopper and Pearson (95 %) reaches it, so a class of few images is never named."""

    @within_limits
    def run(self) -> dict[str, Any]:
        """Reads images and labels, scores them, chooses thresholds, and writes the results.

        Returns:
            What `metrics.json` holds.
        """
        self._check()
        images = self._read()
        recognizer = self._open(images)
        thresholds = self._choose_thresholds(recognizer) or recognizer.thresholds

        from kclip.evaluation.multilabel import evaluate_multilabel

        evaluation = evaluate_multilabel(recognizer, images, thresholds)
        self._write(recognizer, evaluation, thresholds)
        return evaluation.results

    def _check(self) -> None:
        """Refuses options that make no sense together, before anything is read."""
        check_settings(self)
        if (self.data is None) == (self.images is None):
            raise UserError("give either --data, or --images and --labels")
        if (self.images is None) != (self.labels is None):
            raise UserError("--images and --labels belong together; give both")
        if self.labels is None and ReadingOptions.of(self) != ReadingOptions():
            raise UserError("how a table is read has no meaning with --data; give --labels with it")
        if self.thresholds is None:
            if self.wanted_precision is not None or self.threshold_split:
                raise UserError(
                    "--wanted-precision and --threshold-split are about choosing thresholds; add "
                    "--thresholds per_class or global"
                )
        elif not (self.data and self.threshold_split):
            raise UserError(
                "--thresholds are chosen on images that are not measured; give --data and "
                "--threshold-split"
            )
        elif self.threshold_split == self.split:
            raise UserError(
                f"--threshold-split is {self.split!r}, the split that is measured, where chosen "
                "thresholds would look better than they are; give another"
            )

    def _read(self) -> "LabelledImages":
        from kclip.data.labelled.multilabel_reading import read_labelled_split, read_labelled_table

        if self.images and self.labels:
            return read_labelled_table(self.images, self.labels, ReadingOptions.of(self))
        assert self.data is not None
        return read_labelled_split(self.data, self.split)

    def _open(self, images: "LabelledImages") -> "Recognizer":
        from kclip.data.sources.text_files import read_list
        from kclip.multilabel.recognition.opening import classes_of_images, open_recognizer
        from kclip.zero_shot.prompts import resolve_templates

        templates = resolve_templates(self.template)
        names = read_list(self.classes) if self.classes else None
        classes = classes_of_images(
            self.model, images, self.data, self.seen_classes, self.unseen_classes
        )
        recognizer = open_recognizer(self.model, templates, classes)
        return recognizer if names is None else recognizer.with_classes(names)

    def _choose_thresholds(self, recognizer: "Recognizer") -> "Thresholds | None":
        from kclip.data.labelled.multilabel_reading import read_labelled_split
        from kclip.inference.readable_images import compute_labelled
        from kclip.multilabel.recognition.opening import is_classifier_folder
        from kclip.multilabel.thresholds import THRESHOLDS_FILE, choose_thresholds

        if self.thresholds is None or self.data is None or self.threshold_split is None:
            return None
        images, scores = compute_labelled(
            recognizer.predict_scores, read_labelled_split(self.data, self.threshold_split)
        )
        names = recognizer.classes.class_names
        chosen = choose_thresholds(
            images.label_matrix(names),
            scores,
            names,
            self.thresholds,
            self.wanted_precision,
            images.origin,
            images.valid_mask(names),
        )
        chosen.save(self.output / THRESHOLDS_FILE)
        if Path(self.model).is_dir() and is_classifier_folder(self.model):
            chosen.save(Path(self.model) / THRESHOLDS_FILE)
            note_checksums(Path(self.model), [THRESHOLDS_FILE], add=True)
            print(f"the thresholds are kept in {self.model}")
        return chosen

    def _write(
        self,
        recognizer: "Recognizer",
        evaluation: "MultilabelEvaluation",
        thresholds: "Thresholds | None",
    ) -> None:
        from kclip.reports.examples import draw_examples
        from kclip.reports.multilabel import (
            decision_table,
            ranking_table,
            write_multilabel_predictions,
            write_multilabel_report,
        )

        results, classes = evaluation.results, recognizer.classes
        write_multilabel_predictions(
            self.output / "predictions.csv", recognizer, evaluation, thresholds
        )
        about = {"model": self.model, "images": evaluation.images.origin}
        unseen = "unseen" if classes.seen else "whose labels no training saw"
        about["classes"] = f"{len(classes.seen)} seen, {len(classes.unseen)} {unseen}"
        about["scores"] = recognizer.scoring
        if results["num_ignored"]:
            about["ignored"] = f"{results['num_ignored']} labels, neither right nor wrong"
        figures = draw_examples(recognizer, evaluation, thresholds)
        write_multilabel_report(self.output, about, results, figures)
        print(ranking_table(results))
        if thresholds:
            print(decision_table(results))
        print(f"the report is {self.output / 'report.md'}")
