"""A folder that transformers loads, without kclip and TensorFlow."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.numpy import save_file

from kclip.errors import UserError
from kclip.export.huggingface.config import clip_config
from kclip.export.huggingface.images import image_config
from kclip.export.huggingface.readme import readme
from kclip.export.huggingface.tokenizer import tokenizer_files
from kclip.files import folder_when_done
from kclip.models import CLIP
from kclip.models.pretrained.huggingface_clip_tensors import clip_tensors

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder


def export_huggingface(embedder: "Embedder", output: Path, name: str) -> None:
    """Writes a model as transformers' CLIP, MetaCLIP 2 or SigLIP, and a README.md with an example.

    The folder appears when all of it is written; `kclip.load` takes it, too.

    Args:
        embedder: the model, in float32.
        output: absent or empty.
        name: what the README calls the model.

    Raises:
        UserError: transformers has no class for the model, its tokenizer is missing, or `output`
            holds something.

    Example:
        >>> embedder = kclip.Embedder.from_name("clip-vit-base-patch32")
        >>> export_huggingface(embedder, Path("for_transformers"), "a small CLIP")
        >>> sorted(path.name for path in Path("for_transformers").glob("*model*"))
        ['model.safetensors']
    """
    model, preprocessor = embedder.model, embedder.preprocessor
    if not isinstance(model, CLIP):
        raise UserError(_why_not(name, model.heads))
    preprocessor.tokenize([""])  # says what is missing where there is no tokenizer
    tokenizer = tokenizer_files(preprocessor, model.numbers["architecture"] == "siglip")
    files = {
        "config.json": clip_config(model, tokenizer.token_ids),
        "preprocessor_config.json": image_config(model, preprocessor),
        "tokenizer.json": tokenizer.definition,
        "tokenizer_config.json": tokenizer.config,
    }
    with folder_when_done(output) as folder:
        for file, content in files.items():
            _write(folder / file, content)
        tensors = {tensor.name: tensor.array() for tensor in clip_tensors(model)}
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        page = readme(name, model, preprocessor, tokenizer)
        (folder / "README.md").write_text(page, encoding="utf-8")


def _why_not(name: str, heads: Mapping[str, Any]) -> str:
    """What of a dual encoder that is no CLIP does not fit transformers."""
    kinds = {heads["image_head"], heads["text_head"]} - {"linear"}
    reason = (
        f"heads ({', '.join(sorted(kinds))}) are not the one matrix a side of transformers' "
        "VisionTextDualEncoder"
        if kinds
        else "towers are not both of one CLIP or SigLIP, and kclip writes no others"
    )
    return (
        f"{name!r} cannot become a folder of transformers: its {reason}; give --format onnx, "
        "litert or saved_model, which take every model"
    )


def _write(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
