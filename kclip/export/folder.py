"""A folder of exports with all that calling them takes."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kclip.export.packages import check_packages
from kclip.export.readme import readme
from kclip.export.tokenizer_file import tokenizer_file
from kclip.export.tower_files import export_towers
from kclip.export.towers import tokenize
from kclip.files import folder_when_done
from kclip.files.checksums import note_checksums

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder


def export_model(embedder: "Embedder", output: Path, formats: Sequence[str], name: str) -> None:
    """Writes exports, the preprocessing with its vocabulary, and a README.md of how to call them.

    The folder appears when all of it is written.

    Args:
        embedder: the model, in float32.
        output: absent or empty.
        formats: one or more of "saved_model", "onnx" and "litert".
        name: what the README calls the model.

    Raises:
        UserError: a format's packages are not installed, or `output` holds something.

    Example:
        >>> embedder = kclip.Embedder.from_name("runs/demo/model")
        >>> export_model(embedder, Path("exported"), ["onnx"], "a demo")
        >>> sorted(path.name for path in Path("exported").iterdir())
        ['README.md', 'checksums.json', 'export.json', 'onnx', 'preprocessor', 'tokenizer.json']
    """
    check_packages(formats)
    with folder_when_done(output) as folder:
        for file_format in formats:
            exporter(file_format)(embedder, folder / file_format)
        save_preprocessor(embedder, folder / "preprocessor")
        numbers = settings(embedder, name)
        if "onnx" in formats and (tokenizer := tokenizer_file(embedder.preprocessor)):
            (folder / "tokenizer.json").write_text(tokenizer.definition, encoding="utf-8")
            numbers["tokenizer"] = tokenizer.options
        (folder / "export.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
        note_checksums(folder)
        # Not among them: people may edit it.
        (folder / "README.md").write_text(readme(numbers, formats), encoding="utf-8")


def exporter(file_format: str) -> Callable[["Embedder", Path], None]:
    """The function that writes one format into a folder."""
    if file_format == "saved_model":
        from kclip.export.saved_model import export_saved_model

        return export_saved_model
    return lambda embedder, folder: export_towers(embedder, folder, file_format)


def save_preprocessor(embedder: "Embedder", folder: Path) -> None:
    """Writes the preprocessor, so that its class' `from_preset(folder)` loads it."""
    import keras

    embedder.preprocessor.save_to_preset(str(folder))
    # Loading looks here for what the preprocessor belongs to.
    config = keras.saving.serialize_keras_object(embedder.model)
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def settings(embedder: "Embedder", name: str) -> dict[str, Any]:
    """The numbers that a caller of the exports needs: sizes, names of inputs, logit scale."""
    tokens = tokenize(embedder, [""])
    scale = embedder.model.logit_scale
    preprocessing = embedder.preprocessor.get_config()
    return {
        "model": name,
        "image_size": embedder.model.image_size,
        "sequence_length": next(iter(tokens.values())).shape[1],
        "text_inputs": list(tokens),
        "projection_dim": embedder.model.projection_dim,
        "logit_scale": embedder.logit_scale,
        "logit_bias": None if scale.bias is None else float(scale.bias),
        "resize": preprocessing["resize"],
        "resize_size": preprocessing.get("resize_size") or embedder.model.image_size,
        "interpolation": preprocessing.get("interpolation", "bicubic"),
        "crop_margin": preprocessing.get("crop_margin", "even"),
        "preprocessor": type(embedder.preprocessor).__name__,
        "digest": embedder.digest,
    }
