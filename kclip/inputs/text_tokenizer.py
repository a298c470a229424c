"""From strings to token ids by Hugging Face's `tokenizers` alone."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kclip.errors import UserError
from kclip.inputs.text_cleaning import CLEANINGS, WORD_CLEANINGS
from kclip.reading import in_one_sentence

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKEN_INPUTS = ("token_ids", "padding_mask", "segment_ids")


class TextTokenizer:
    """Gives the ids that a model's own preprocessor gives.

    Args:
        definition: content of a `tokenizer.json` that puts start and end around a text.
        cleaning: what is done to a text before, a key of
            `kclip.inputs.text_cleaning`'s `CLEANINGS` or `WORD_CLEANINGS`.
        around_tokens: whether added tokens in a text stay as they are.
        pad_token_id: what fills up a text that is short.
        length: L, tokens a text, its ends included; longer texts are cut and keep their ends.
        num_embeddings: rows of the model's token embedding; None: all ids are taken.

    Raises:
        UserError: the definition is damaged, or another version of `tokenizers` wrote it.
    """

    def __init__(
        self,
        definition: str,
        cleaning: str,
        around_tokens: bool,
        pad_token_id: int,
        length: int,
        num_embeddings: int | None = None,
    ):
        self._tokenizer = _tokenizer(definition)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(length)
        self._clean = (CLEANINGS | WORD_CLEANINGS)[cleaning]
        self._added = _added_tokens(self._tokenizer) if around_tokens else None
        self.pad_token_id = pad_token_id
        self.length = length
        self.num_embeddings = num_embeddings

    def __call__(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """From B strings to a dict of int32 (B, L), of the names in `TOKEN_INPUTS`.

        Raises:
            UserError: a text holds a token that the model has no embedding for.
        """
        rows = self._tokenizer.encode_batch([self._cleaned(text) for text in texts])
        ids = np.full((len(rows), self.length), self.pad_token_id, np.int32)
        mask = np.zeros_like(ids)
        for number, (text, row) in enumerate(zip(texts, rows, strict=True)):
            if self.num_embeddings is not None and max(row.ids, default=0) >= self.num_embeddings:
                raise UserError(
                    f"the text {text!r} holds a token that the model has no embedding for; leave "
                    "it out"
                )
            ids[number, : len(row.ids)] = row.ids
            mask[number, : len(row.ids)] = 1
        return dict(zip(TOKEN_INPUTS, (ids, mask, np.zeros_like(ids)), strict=True))

    def _cleaned(self, text: str) -> str:
        if self._added is None:
            return self._clean(text)
        parts = self._added.split(text)  # every second one is an added token
        parts[::2] = map(self._clean, parts[::2])
        return "".join(parts)


def _tokenizer(definition: str) -> "Tokenizer":
    from tokenizers import Tokenizer

    with in_one_sentence("the export's tokenizer.json", "export the model again"):
        return Tokenizer.from_str(definition)


def _added_tokens(tokenizer: "Tokenizer") -> re.Pattern[str]:
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    longest_first = sorted(added, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})")
