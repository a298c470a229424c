"""The command that writes a model in the forms that other programs run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from kclip.config.checks import check_settings
from kclip.errors import UserError

ExportFormat = Literal["saved_model", "onnx", "litert", "huggingface"]


@dataclass(frozen=True)
class ExportModel:
    """Exports a model with its tokenizer, and a README.md of how to call each export.

    A SavedModel takes JPEG or PNG bytes and strings; ONNX and LiteRT files take pixels and token
    ids. ONNX needs the packages tf2onnx and onnx. huggingface makes the folder one that
    transformers loads, of a CLIP, MetaCLIP 2, SigLIP or SigLIP 2, fine-tuned or not, or of two
    other towers with linear heads that transformers has; it needs no further package, and its model
    neither kclip nor TensorFlow.
    """

    model: str
    """Folder of a trained model, such as runs/demo/model, a Hugging Face folder of CLIP or SigLIP,
    or the name of a KerasHub preset, such as clip_vit_base_patch32."""
    output: Path
    """Folder to write; it must be absent or empty, and appears when all is done."""
    format: list[ExportFormat] = field(default_factory=lambda: ["saved_model"])
    """The exports to write: saved_model, onnx and litert, or huggingface alone."""

    def run(self) -> Path:
        """Loads the model and writes the exports.

        Returns:
            The folder.
        """
        check_settings(self)
        formats = list(dict.fromkeys(self.format))
        if "huggingface" in formats:
            self._for_transformers(formats)
        else:
            self._export(formats)
        print(f"wrote {', '.join(formats)}; {self.output / 'README.md'} tells how to use it")
        return self.output

    def _export(self, formats: list[ExportFormat]) -> None:
        from kclip.export.packages import check_packages

        check_packages(formats)

        # Loads TensorFlow, so only once the packages are there.
        from kclip.export.folder import export_model
        from kclip.inference.embedder import Embedder
        from kclip.inference.loading import refuse_export

        refuse_export(self.model)
        export_model(Embedder.from_name(self.model), self.output, formats, self.model)

    def _for_transformers(self, formats: list[ExportFormat]) -> None:
        if len(formats) > 1:
            raise UserError(
                f"--format {' '.join(formats)} cannot be one folder: transformers wants one of its "
                "own; give huggingface another --output"
            )
        from kclip.export.huggingface.folder import export_huggingface
        from kclip.inference.embedder import Embedder
        from kclip.inference.loading import refuse_export

        refuse_export(self.model)
        export_huggingface(Embedder.from_name(self.model), self.output, self.model)
