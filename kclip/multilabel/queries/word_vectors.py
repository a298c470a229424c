"""Class queries from word vectors, the way of zero-shot learning before CLIP."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kclip.errors import UserError
from kclip.metrics.similarity import l2_normalize
from kclip.multilabel.queries.word_vector_file import WordVectorFile


class WordVectors:
    r"""A source of query embeddings: the mean of the vectors of a class's words.

    Underscores count as spaces. A word is looked up as it is spelled, then in lower case.

    Args:
        file: where the vectors lie; only those of the words asked for are read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "glove.txt"
        >>> _ = path.write_text("fire 1 0\ntruck 0 1\n")
        >>> WordVectors.from_file(path).embed_classes(["fire_truck", "truck"]).round(2).tolist()
        [[0.7099999785423279, 0.7099999785423279], [0.0, 1.0]]
    """

    def __init__(self, file: WordVectorFile):
        self.file = file

    @classmethod
    def from_file(cls, path: str | Path) -> "WordVectors":
        """Opens GloVe's text, word2vec's text or word2vec's binary, each plain or as .gz.

        Raises:
            UserError: there is no such file, or it is of another kind.
        """
        return cls(WordVectorFile.from_path(Path(path)))

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self.file.dim

    def embed_classes(self, names: Sequence[str]) -> np.ndarray:
        """Embeds K classes by the words of their names.

        Returns:
            float32 (K, dim), L2-normalised.

        Raises:
            UserError: the file lacks a word, or is damaged.
        """
        words = [name.replace("_", " ").split() for name in names]
        if not words or not all(words):
            raise UserError(f"the classes are {list(names)}; give at least one, none without name")
        spellings = {spelling for own in words for word in own for spelling in _spellings(word)}
        vectors = self.file.find(spellings)
        self._check_all_found(names, words, vectors)
        rows = [np.mean([_look_up(word, vectors) for word in own], axis=0) for own in words]
        return l2_normalize(np.stack(rows))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Is what other sources do and word vectors cannot; raises `UserError`."""
        raise UserError(
            f"{str(self.file.path)!r} has no sentence encoder, only vectors of words; take a "
            "query source with one, such as a CLIP model or a Hugging Face folder of a BERT"
        )

    def _check_all_found(
        self, names: Sequence[str], words: Sequence[Sequence[str]], vectors: Mapping
    ) -> None:
        missing = [
            f"{word!r} of {name!r}"
            for name, own in zip(names, words, strict=True)
            for word in own
            if not any(spelling in vectors for spelling in _spellings(word))
        ]
        if missing:
            raise UserError(
                f"{str(self.file.path)!r} has no vector for {', '.join(missing)}; rename these "
                "classes, leave them out, or take vectors of more words"
            )


def _spellings(word: str) -> tuple[str, str]:
    return word, word.lower()


def _look_up(word: str, vectors: Mapping[str, np.ndarray]) -> np.ndarray:
    return next(vectors[spelling] for spelling in _spellings(word) if spelling in vectors)
