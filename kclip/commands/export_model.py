"""The command that writes a model in the forms that other programs run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from kclip.config.checks import check_settings

ExportFormat = Literal["saved_model", "onnx", "litert"]


@dataclass(frozen=True)
class ExportModel:
    """Exports a model with its tokenizer, and a README.md of how to call each export.

    A SavedModel takes JPEG or PNG bytes and strings; ONNX and LiteRT files take pixels and token
    ids. ONNX needs the packages tf2onnx and onnx.
    """

    model: str
    """Folder of a trained model, such as runs/demo/model, a Hugging Face folder of CLIP or SigLIP,
    or the name of a KerasHub preset, such as clip_vit_base_patch32."""
    output: Path
    """Folder to write; it must be absent or empty, and appears when all is done."""
    format: list[ExportFormat] = field(default_factory=lambda: ["saved_model"])
    """The exports to write: saved_model, onnx, litert."""

    def run(self) -> Path:
        """Loads the model and writes the exports.

        Returns:
            The folder.
        """
        from kclip.export.packages import check_packages

        check_settings(self)
        formats = list(dict.fromkeys(self.format))
        check_packages(formats)

        # Loads TensorFlow, so only once the packages are there.
        from kclip.export.folder import export_model
        from kclip.inference.embedder import Embedder
        from kclip.inference.loading import refuse_export

        refuse_export(self.model)
        export_model(Embedder.from_name(self.model), self.output, formats, self.model)
        print(f"wrote {', '.join(formats)}; {self.output / 'README.md'} tells how to call them")
        return self.output
