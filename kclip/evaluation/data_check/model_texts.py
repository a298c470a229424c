"""How a trained or pretrained model reads texts."""

from collections.abc import Sequence

import numpy as np

from kclip.evaluation.data_check.tokens import TextReader

_LONG = 8  # times what a model reads: texts are kept up to here
_BATCH = 512


def text_reader(model: str) -> TextReader:
    """Loads a model and keeps what it makes of texts.

    Args:
        model: a name or path that `kclip.load` takes.

    Raises:
        UserError: as `kclip.load`.
    """
    from kclip.inference.loading import load_model

    preprocessor = load_model(model)[1]
    length = preprocessor.sequence_length
    preprocessor.sequence_length = _LONG * length  # before its first use, which fixes it

    def tokenize(texts: Sequence[str]) -> list[tuple[int, ...]]:
        found: list[tuple[int, ...]] = []
        for start in range(0, len(texts), _BATCH):
            tokens = preprocessor.tokenize(list(texts[start : start + _BATCH]))["token_ids"]
            found += [_without_padding(row) for row in np.asarray(tokens)]
        return found

    return TextReader(tokenize, length, model)


def _without_padding(tokens: np.ndarray) -> tuple[int, ...]:
    """The tokens of a text up to its end, after which one token repeats."""
    changes = np.flatnonzero(tokens[1:] != tokens[:-1])
    return tuple(tokens[: changes[-1] + 1 if len(changes) else 1].tolist())
