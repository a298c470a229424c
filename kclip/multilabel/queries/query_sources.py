"""Where the queries of classes come from: word vectors, or prompts through a text tower."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.errors import UserError
from kclip.inference.embedder import Embedder
from kclip.multilabel.queries.word_vectors import WordVectors
from kclip.zero_shot.classifier import PROMPTS_AT_ONCE, ensemble_templates
from kclip.zero_shot.prompts import fill, resolve_templates


class QuerySource(Protocol):
    """What embeds classes by their names."""

    @property
    def dim(self) -> int:
        """Length of the embeddings."""
        ...

    def embed_classes(self, names: Sequence[str]) -> np.ndarray:
        """Embeds K classes: float32 (K, dim), L2-normalised."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds M sentences: float32 (M, dim), L2-normalised; word vectors raise `UserError`."""
        ...


class _TextEmbedder(Protocol):
    def embed_texts(self, texts: Sequence[str]) -> np.ndarray: ...


class PromptQueries:
    """A source of query embeddings: each class's name in prompts, through a text tower.

    Several templates are joined as in CLIP: normalise, mean, normalise.

    Args:
        embedder: with `embed_texts(texts)`, such as `kclip.Embedder`.
        templates: one or more, each with {} for the name.
        dim: length of the embeddings.
    """

    def __init__(self, embedder: _TextEmbedder, templates: Sequence[str], dim: int):
        self.embedder = embedder
        self.templates = templates
        self.dim = dim

    def embed_classes(self, names: Sequence[str]) -> np.ndarray:
        """Embeds K classes: float32 (K, dim), L2-normalised.

        Raises:
            UserError: there is no class.
        """
        if not names:
            raise UserError("there is no class to embed; give at least one class name")
        prompts = [fill(template, name) for name in names for template in self.templates]
        embeddings = self.embed_texts(prompts)
        return ensemble_templates(embeddings.reshape(len(names), len(self.templates), self.dim))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds M sentences: float32 (M, dim), L2-normalised."""
        starts = range(0, len(texts), PROMPTS_AT_ONCE)
        bar = ProgressBar(starts, desc="Embedding texts", disable=len(starts) < 2)
        rows = [self.embedder.embed_texts(texts[start : start + PROMPTS_AT_ONCE]) for start in bar]
        return np.concatenate([np.zeros((0, self.dim), np.float32), *rows])


def load_query_source(name_or_path: str | Path, templates: Sequence[str]) -> QuerySource:
    """Loads what turns class names into query embeddings.

    Args:
        name_or_path: a file of word vectors (GloVe, word2vec), the Hugging Face folder of a BERT
            (mean pooled, as all-MiniLM-L6-v2), or whatever `kclip.load` takes.
        templates: prompts with {}, or names of the sets of templates that come with kclip. Word
            vectors need none: they are of the names alone.

    Raises:
        UserError: it is none of the three, it is damaged, or a template has no {}.

    Example:
    >>> source = load_query_source("runs/demo/model", ["a photo of a {}."])
    >>> source.embed_classes(["red circle", "blue square"]).shape
    (2, 128)
    """
    path = Path(name_or_path)
    if path.is_file():
        return WordVectors.from_file(path)
    templates = resolve_templates(templates)
    if path.is_dir() and _is_text_tower(path):
        from kclip.multilabel.queries.text_tower_embedder import TextTowerEmbedder

        tower = TextTowerEmbedder.from_folder(path)
        return PromptQueries(tower, templates, tower.dim)
    embedder = Embedder.from_name(name_or_path)
    return PromptQueries(embedder, templates, embedder.model.projection_dim)


def _is_text_tower(folder: Path) -> bool:
    from kclip.models.folder.checks import kind_of_model
    from kclip.models.pretrained.huggingface_text_config import MODEL_TYPES

    return (folder / "config.json").is_file() and kind_of_model(folder) in MODEL_TYPES
