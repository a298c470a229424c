"""Embeds texts by a text tower alone, such as sentence-transformers' MiniLM."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kclip.metrics.similarity import l2_normalize
from kclip.models import TextEncoder
from kclip.models.folder.checks import load_preset
from kclip.models.pretrained.text_towers import load_text_encoder
from kclip.models.towers.tokenization import Tokenization

MAX_TOKENS = 128  # of a text; sentence-transformers' setting for MiniLM


class TextTowerEmbedder:
    """Turns texts into L2-normalised embeddings: sentence-transformers' pooling, by default.

    Reimers and Gurevych 2019, "Sentence-BERT", section 3. Longer texts are cut at 128 tokens.

    Args:
        encoder: `TextEncoder`.
        tokenizer: that goes with it.

    Example:
    >>> embedder = TextTowerEmbedder.from_folder("all-MiniLM-L6-v2")
    >>> embeddings = embedder.embed_texts(["a dog in the snow", "a cat"])
    >>> embeddings.shape == (2, embedder.encoder.feature_dim)
    True
    """

    def __init__(self, encoder: TextEncoder, tokenizer: Any):
        self.encoder = encoder
        length = min(MAX_TOKENS, encoder.numbers["max_sequence_length"])
        self.tokenize = Tokenization(tokenizer, length, encoder.new_inputs())

    @classmethod
    def from_folder(cls, folder: str | Path) -> "TextTowerEmbedder":
        """Reads a folder that `load_text_encoder` takes.

        Raises:
            UserError: a file is missing or damaged.
        """
        return load_preset(folder, lambda: cls(*load_text_encoder(str(folder))))

    @property
    def dim(self) -> int:
        """Length of the embeddings."""
        return self.encoder.feature_dim

    def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Embeds M strings: float32 (M, dim), L2-normalised."""
        rows = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(texts), batch_size):
            tokens = self.tokenize(list(texts[start : start + batch_size]))
            tokens = {name: np.asarray(array, np.int32) for name, array in tokens.items()}
            rows.append(np.asarray(self.encoder.predict_on_batch(self.encoder.shortened(tokens))))
        return l2_normalize(np.concatenate(rows))
