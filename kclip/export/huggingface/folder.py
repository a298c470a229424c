"""A folder that transformers loads, without kclip and TensorFlow."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.numpy import save_file

from kclip.export.huggingface.config import clip_config
from kclip.export.huggingface.images import image_config
from kclip.export.huggingface.pair import pair_parts
from kclip.export.huggingface.parts import FolderParts
from kclip.export.huggingface.readme import clip_notes, readme
from kclip.export.huggingface.tokenizer import tokenizer_files
from kclip.files import folder_when_done
from kclip.models import CLIP, ClipPreprocessor
from kclip.models.pretrained.huggingface_clip_tensors import clip_tensors

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder


def export_huggingface(embedder: "Embedder", output: Path, name: str) -> None:
    """Writes a model as one of transformers' classes, and a README.md with an example.

    CLIP, MetaCLIP 2 or SigLIP; other pairs of towers as `VisionTextDualEncoder`, see `pair_parts`.

    The folder appears when all of it is written; `kclip.load` takes those of one class, too.

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
    preprocessor.tokenize([""])  # says what is missing where there is no tokenizer
    if isinstance(model, CLIP):
        parts = clip_parts(model, preprocessor)
    else:
        parts = pair_parts(model, preprocessor, name)
    with folder_when_done(output) as folder:
        for file, content in parts.files.items():
            _write(folder / file, content)
        save_file(dict(parts.tensors), folder / "model.safetensors", {"format": "pt"})
        page = readme(name, model, parts.notes)
        (folder / "README.md").write_text(page, encoding="utf-8")


def clip_parts(model: CLIP, preprocessor: ClipPreprocessor) -> FolderParts:
    """A CLIP, MetaCLIP 2 or SigLIP as transformers has them."""
    tokenizer = tokenizer_files(preprocessor, model.numbers["architecture"] == "siglip")
    files = {
        "config.json": clip_config(model, tokenizer.token_ids),
        "preprocessor_config.json": image_config(model, preprocessor),
        "tokenizer.json": tokenizer.definition,
        "tokenizer_config.json": tokenizer.config,
    }
    tensors = {tensor.name: tensor.array() for tensor in clip_tensors(model)}
    return FolderParts(files, tensors, clip_notes(preprocessor, tokenizer))


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
