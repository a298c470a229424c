"""The command that measures text-to-image and image-to-text search."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kclip.config.checks import check_settings
from kclip.config.images import ImageLimits
from kclip.console.lines import LOGGER
from kclip.data.images.limits import within_limits
from kclip.data.sources.reading_options import CaptionTableOptions, ReadingOptions


@dataclass(frozen=True, kw_only=True)
class EvaluateRetrieval(CaptionTableOptions, ImageLimits):
    """Measures how well captions find their images, and images their captions.

    Writes metrics.json (R@1, R@5, R@10, median and mean rank, both directions), figures and
    report.md. An image counts as found when the best of its captions is (the any-hit rule).
    """

    model: str
    """Folder of a trained model, such as runs/demo/model, a Hugging Face folder of CLIP or SigLIP,
    or the name of a KerasHub preset, such as clip_vit_base_patch32."""
    images: Path
    """Folder of the images."""
    captions: Path
    """CSV file with the header image,caption and one caption a row."""
    output: Path
    """Folder that the results are written to; made if missing."""
    split_file: Path | None = None
    """Text file with one image name a line: only these images are used."""

    @within_limits
    def run(self) -> dict[str, Any]:
        """Reads the captions, embeds images and captions, and writes the results.

        Returns:
            What `metrics.json` holds.
        """
        from kclip.data.images.faults import report_left_out
        from kclip.data.sources.csv import read_csv_source
        from kclip.evaluation.retrieval import evaluate_retrieval
        from kclip.reports.retrieval import write_retrieval_report
        from kclip.reports.tables import retrieval_table

        check_settings(self)
        split_files = {"evaluation": self.split_file} if self.split_file else {}
        source = read_csv_source(
            self.images, self.captions, None, split_files, ReadingOptions.of(self)
        )
        for note in source.notes:
            LOGGER.info("%s", note)
        images = {record.file_name: record.image for record in source.records}
        # An image that lost one empty caption and kept others is not left out.
        faults = [(f.file_name, f.reason) for f in source.rejections if f.file_name not in images]
        report_left_out(faults, len(images) + len(faults))

        from kclip.inference.embedder import Embedder

        results = evaluate_retrieval(Embedder.from_name(self.model), source.records)
        about = {"model": self.model, "images": self.images, "captions": self.captions}
        if self.split_file:
            about["split file"] = self.split_file
        write_retrieval_report(self.output, about, results, images)
        print(retrieval_table(results))
        print(f"the report is {self.output / 'report.md'}")
        return results
