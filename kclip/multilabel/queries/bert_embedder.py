"""Sentence embeddings of a BERT as it lies in a Hugging Face folder."""

from collections.abc import Sequence
from pathlib import Path

import keras_hub
import numpy as np

from kclip.errors import UserError
from kclip.metrics.similarity import l2_normalize
from kclip.models import TextEncoder
from kclip.models.folder.checks import load_preset

MAX_TOKENS = 128
TOKENS_STEP = 16  # few lengths, so that the encoder is traced for few shapes


class BertEmbedder:
    """Embeds sentences: the mean over a BERT's tokens, of unit length (sentence-transformers).

    Reimers and Gurevych 2019, "Sentence-BERT", section 3. Longer texts are cut at 128 tokens.

    Args:
        encoder: `TextEncoder` with `pooling="mean"`.
        tokenizer: `keras_hub.models.BertTokenizer`.

    Example:
    >>> embedder = BertEmbedder.from_folder("all-MiniLM-L6-v2")
    >>> embeddings = embedder.embed_texts(["a dog in the snow", "a cat"])
    >>> embeddings.shape == (2, embedder.encoder.feature_dim)
    True
    """

    def __init__(self, encoder: TextEncoder, tokenizer: "keras_hub.models.BertTokenizer"):
        self.encoder = encoder
        self.tokenizer = tokenizer
        self.packer = keras_hub.layers.MultiSegmentPacker(
            sequence_length=min(MAX_TOKENS, encoder.bert_config["max_sequence_length"]),
            start_value=tokenizer.cls_token_id,
            end_value=tokenizer.sep_token_id,
            pad_value=tokenizer.pad_token_id,
        )

    @classmethod
    def from_folder(cls, folder: str | Path) -> "BertEmbedder":
        """Reads `config.json`, `vocab.txt` and `model.safetensors`.

        Raises:
            UserError: a file is missing or damaged.
        """
        for name in ("vocab.txt", "model.safetensors"):
            if not (Path(folder) / name).is_file():
                raise UserError(
                    f"{str(folder)!r} is a BERT's folder but holds no {name}; download it whole"
                )
        return load_preset(folder, lambda: cls._load(str(folder)))

    @classmethod
    def _load(cls, folder: str) -> "BertEmbedder":
        bert = keras_hub.models.BertBackbone.from_preset(folder, dtype="float32")
        # Hugging Face's lower-casing strips accents, KerasHub's keeps them unless told otherwise.
        tokenizer = keras_hub.models.BertTokenizer.from_preset(folder, strip_accents=True)
        return cls(TextEncoder.from_bert(bert, gelu="exact", pooling="mean"), tokenizer)

    @property
    def dim(self) -> int:
        """Length of the embeddings."""
        return self.encoder.feature_dim

    def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Embeds M strings: float32 (M, dim), L2-normalised."""
        rows = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(texts), batch_size):
            inputs = self._tokenize(list(texts[start : start + batch_size]))
            rows.append(np.asarray(self.encoder.predict_on_batch(inputs)))
        return l2_normalize(np.concatenate(rows))

    def _tokenize(self, texts: list[str]) -> dict[str, np.ndarray]:
        token_ids, segment_ids = map(np.asarray, self.packer(self.tokenizer(texts)))
        mask = token_ids != self.tokenizer.pad_token_id
        longest = mask.sum(axis=1).max()
        length = -(-longest // TOKENS_STEP) * TOKENS_STEP
        inputs = {"token_ids": token_ids, "padding_mask": mask, "segment_ids": segment_ids}
        return {name: array[:, :length].astype(np.int32) for name, array in inputs.items()}
