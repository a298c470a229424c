"""Word vectors without context, taken from the input of a BERT."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kclip.errors import UserError
from kclip.files import replaced_when_done
from kclip.metrics.similarity import l2_normalize


def write_token_vectors(bert_folder: str | Path, words: Sequence[str], path: Path) -> None:
    """Writes a file of word vectors in GloVe's text form, as `WordVectors.from_file` reads it.

    A word's vector is the mean of its tokens' rows in BERT's embedding table: what BERT knows of
    a word before it has read anything around it. It stands in where no word2vec or GloVe is at
    hand.

    Args:
        bert_folder: a Hugging Face folder of a BERT.
        words: single words, such as those of class names.
        path: file to write.

    Raises:
        UserError: the folder holds no BERT, or its files are damaged.

    Example:
        >>> write_token_vectors("all-MiniLM-L6-v2", ["dog", "frisbee"], Path("vectors.txt"))
    """
    folder = str(bert_folder)
    table, tokenize = _load(folder)
    vectors = l2_normalize(np.stack([table[tokenize(word)].mean(axis=0) for word in words]))
    lines = [
        f"{word} {' '.join(f'{value:.6f}' for value in vector)}\n"
        for word, vector in zip(words, vectors, strict=True)
    ]
    with replaced_when_done(path) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def _load(folder: str):
    from kclip.models.pretrained.text_towers import load_text_encoder

    encoder, tokenizer = load_text_encoder(folder)
    if encoder.family != "bert":
        raise UserError(
            f"{folder!r} holds {encoder.family}; word vectors are taken from a BERT, so give one's "
            "folder, such as all-MiniLM-L6-v2"
        )
    table = np.asarray(encoder.backbone.get_layer("token_embedding").embeddings)
    return table, lambda word: np.asarray(tokenizer(word))
