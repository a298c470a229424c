"""The command that compares prompt templates for multi-label recognition."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kclip.config.checks import check_settings

if TYPE_CHECKING:
    from kclip.data.labelled.images import LabelledImages
    from kclip.multilabel.recognition.opening import Recognizer


@dataclass(frozen=True)
class ChooseTemplate:
    """Measures prompt templates, one by one and all together, on one split.

    Prints and writes (metrics.json, report.md) the ZSL and GZSL mAP of each, the best marked.
    Image features are computed once. The split is used up by the choice: measure the chosen
    template on another.
    """

    model: str
    """Folder of a zero_shot model of train_clip_decoder, or a dual encoder or CLIP."""
    data: Path
    """Folder of TFRecords with labels."""
    output: Path
    """Folder that the results are written to; made if missing."""
    split: str = "validation"
    """Split of --data that templates are chosen on."""
    templates: list[str] = field(default_factory=lambda: ["{}", "photos"])
    """Each a prompt with {} for the class name, the name of a set that comes with kclip, or a text
    file of one template a line."""
    seen_classes: Path | None = None
    """For a dual encoder or CLIP: text file of the seen classes, one a line; by default
    seen_classes.txt in --data, or else every label counts alike."""
    unseen_classes: Path | None = None
    """The unseen ones, likewise."""

    def run(self) -> dict[str, Any]:
        """Reads the split, scores every class in every template, and writes the table.

        Returns:
            What `metrics.json` holds.
        """
        from kclip.data.labelled.multilabel_reading import read_labelled_split
        from kclip.zero_shot.prompts import resolve_templates

        check_settings(self)
        templates = resolve_templates(self.templates)
        images = read_labelled_split(self.data, self.split)
        recognizer = self._open(images, templates)

        from kclip.evaluation.template_choice import best_template, measure_templates
        from kclip.reports.templates import template_table, write_template_report

        rows = measure_templates(recognizer, images, templates)
        best = best_template(rows)
        about = {"model": self.model, "split": images.origin, "images": f"{len(images):,}"}
        write_template_report(self.output, about, rows, best)
        print(template_table(rows, best))
        print(f"the report is {self.output / 'report.md'}")
        return {"best": rows[best]["template"], "templates": rows}

    def _open(self, images: "LabelledImages", templates: list[str]) -> "Recognizer":
        from kclip.multilabel.recognition.opening import classes_of_images, open_recognizer

        classes = classes_of_images(
            self.model, images, self.data, self.seen_classes, self.unseen_classes
        )
        return open_recognizer(self.model, templates[:1], classes)
