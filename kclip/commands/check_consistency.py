"""The command that compares the outputs of one model in every execution mode."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kclip.config.checks import check_settings
from kclip.config.images import ImageLimits
from kclip.config.ranges import Count
from kclip.data.images.limits import within_limits
from kclip.errors import KclipError
from kclip.evaluation.consistency.modes import MODE_NAMES, ModeName
from kclip.zero_shot.prompts import DEFAULT_TEMPLATES


@dataclass(frozen=True)
class CheckConsistency(ImageLimits):
    """Compares class probabilities of every execution mode with those of eager float32.

    The modes: tf.function, XLA, the JAX backend, a batch of 1, saving and reloading, SavedModel,
    ONNX, LiteRT, and mixed precision. One whose packages are not installed is skipped. Writes
    metrics.json, differences.png and report.md; exits with 1 if a mode misses its limit.
    """

    model: str
    """Folder of a trained model, such as runs/demo/model, a Hugging Face folder of CLIP or SigLIP,
    or the name of a KerasHub preset, such as clip_vit_base_patch32."""
    output: Path
    """Folder that the results are written to; made if missing."""
    images: Path | None = None
    """Folder with one sub-folder of images for each class; generated scenes by default."""
    split: str | None = None
    """Of class folders below folders of splits, the one to take: by default test, or validation."""
    classes: list[str] = field(default_factory=list)
    """Names to choose among, in place of those of the folders."""
    template: list[str] = field(default_factory=lambda: list(DEFAULT_TEMPLATES))
    """Prompts with {} for the class name, as in evaluate_zero_shot."""
    modes: list[ModeName] = field(default_factory=lambda: list(MODE_NAMES))
    """The modes to compare."""
    max_images: Count = 1000
    """The most images, spread evenly over the classes; fewer of them are faster."""

    @within_limits
    def run(self) -> dict[str, Any]:
        """Reads the images, puts them through every mode, and writes the results.

        Returns:
            What `metrics.json` holds.
        """
        from kclip.zero_shot.prompts import resolve_templates

        check_settings(self)
        templates = resolve_templates(self.template)

        from kclip.evaluation.consistency.comparison import compare_modes
        from kclip.evaluation.consistency.samples import read_samples
        from kclip.inference.embedder import Embedder
        from kclip.inference.loading import refuse_export
        from kclip.reports.consistency import consistency_table, write_consistency_report

        refuse_export(self.model)
        embedder = Embedder.from_name(self.model)
        samples = read_samples(
            embedder.preprocessor, self.images, self.classes, self.max_images, self.split
        )
        modes = list(dict.fromkeys(self.modes))
        results = compare_modes(embedder, self.model, samples, templates, modes)
        about = {
            "model": self.model,
            "images": f"{len(samples.pixels)} of {self.images or 'generated scenes'}",
            "classes": ", ".join(samples.class_names),
        }
        write_consistency_report(self.output, about, results)
        print(consistency_table(results), f"the report is {self.output / 'report.md'}", sep="\n\n")
        missed = [name for name in modes if not results[name].get("passed", True)]
        if missed:
            raise KclipError(
                f"{', '.join(missed)} differ{'s' * (len(missed) == 1)} more than allowed "
                f"from eager float32; see {self.output / 'report.md'}"
            )
        return results
