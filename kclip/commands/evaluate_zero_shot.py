"""The command that classifies folders of images by the names of the folders."""

from dataclasses import dataclass, field
from pathlib import Path

from kclip.zero_shot.prompts import DEFAULT_TEMPLATES


@dataclass(frozen=True)
class EvaluateZeroShot:
    """Classifies images without training on their classes, and counts how often that is right.

    Writes metrics.json (accuracy, macro precision, recall and F1, top-5, each class), the
    confusion matrix as a picture, and report.md.
    """

    model: Path
    """Folder of the trained model, such as runs/demo/model."""
    images: Path
    """Folder with one sub-folder of images for each class, named after the class."""
    output: Path
    """Folder that the results are written to; made if missing."""
    template: list[str] = field(default_factory=lambda: list(DEFAULT_TEMPLATES))
    """Prompts with {} for the class name, averaged; also the name of a set that comes with kclip
    (animals, photos, shapes, small_pictures) or a text file of one template a line."""

    def run(self) -> None:
        """Reads the class folders, embeds images and prompts, and writes the results."""
        from kclip.data.sources import read_class_folders
        from kclip.evaluation import evaluate_zero_shot
        from kclip.readable_images import report_left_out
        from kclip.report import (
            per_class_table,
            write_metrics,
            write_report,
            zero_shot_table,
        )
        from kclip.zero_shot.prompts import resolve_templates

        templates = resolve_templates(self.template)
        source = read_class_folders(self.images)
        faults = {fault.file_name: fault.reason for fault in source.rejections}
        report_left_out(faults, len(source.records) + len(faults))

        from kclip.embedding import Embedder  # loads TensorFlow, so only once the input is sound

        results = evaluate_zero_shot(Embedder.from_folder(self.model), source.records, templates)
        write_metrics(self.output / "metrics.json", results)
        about = {"model": self.model, "images": self.images}
        write_report(self.output, "Zero-shot evaluation", about, {"zero_shot": results}, {})
        print(zero_shot_table(results), per_class_table(results), sep="\n\n")
        print(f"the report is {self.output / 'report.md'}")
