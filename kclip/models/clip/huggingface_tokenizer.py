import re
from pathlib import Path

import keras
import keras_hub
import numpy as np
from tokenizers import Tokenizer

from kclip.errors import UserError
from kclip.inputs.text_cleaning import AROUND_TOKENS, CLEANINGS
from kclip.models.clip.clip_tokenizer import pad

FILE = "tokenizer.json"


@keras.saving.register_keras_serializable("kclip")
class HuggingFaceTokenizer(keras_hub.tokenizers.Tokenizer):
    """The tokenizer of a `tokenizer.json`, run by Hugging Face's `tokenizers`.

    It gives the ids of transformers, added tokens included, and needs neither that library nor
    TensorFlow.

    Args:
        definition: string. The content of a `tokenizer.json` that puts start and end around a
            text; None where `load_assets` brings it.
        cleaning: what is done to a text before, a key of `kclip.inputs.text_cleaning`'s
            `CLEANINGS`.
        pad_token_id: int. What fills up a text that is short.
        num_embeddings: int or None. Rows of the model's token embedding: a text with an id
            beyond them is refused. None: all ids are taken.

    Example:
    >>> tokenizer = HuggingFaceTokenizer(Path("tokenizer.json").read_text())
    >>> tokenizer.encode(["a dog"], length=16).shape
    (1, 16)
    """

    def __init__(
        self, definition=None, cleaning="none", pad_token_id=0, num_embeddings=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.file_assets = [FILE]
        self.cleaning = cleaning
        self.pad_token_id = pad_token_id
        self.num_embeddings = num_embeddings
        self.definition = self._tokenizer = None
        if definition is not None:
            self._define(definition)

    def encode(self, texts, length):
        """From B strings to int32 ids (B, length), ends included and filled up.

        A text that is too long is cut and keeps its ends.

        Raises:
            UserError: a text holds a token that the model has no embedding for.
        """
        return self.encode_with_mask(texts, length)[0]

    def encode_with_mask(self, texts, length):
        """The same, and a mask: bool (B, length), True for what is no padding."""
        self._tokenizer.enable_truncation(length)
        cleaned = [self._clean(text) for text in texts]
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(cleaned)]
        if self.num_embeddings is not None:
            for text, row in zip(texts, rows, strict=True):
                self._refuse_unknown(text, row)
        lengths = np.array([len(row) for row in rows], np.int32)
        mask = np.arange(length) < lengths[:, None]
        return pad(rows, length, self.pad_token_id), mask

    def tokenize(self, inputs):
        """From a string, or a list of them, to the list of its ids, without the ends."""
        if isinstance(inputs, str):
            return self.tokenize([inputs])[0]
        self._tokenizer.no_truncation()
        cleaned = [self._clean(text) for text in inputs]
        encodings = self._tokenizer.encode_batch(cleaned, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def vocabulary_size(self):
        return self._tokenizer.get_vocab_size()

    def get_vocabulary(self):
        vocabulary = self._tokenizer.get_vocab()
        return sorted(vocabulary, key=vocabulary.__getitem__)

    def id_to_token(self, id):
        return self._tokenizer.id_to_token(id)

    def token_to_id(self, token):
        return self._tokenizer.token_to_id(token)

    def save_assets(self, dir_path):
        (Path(dir_path) / FILE).write_text(self.definition, encoding="utf-8")

    def load_assets(self, dir_path):
        self._define((Path(dir_path) / FILE).read_text(encoding="utf-8"))

    @property
    def settings(self):
        """What the ids depend on."""
        return [self.definition, self.cleaning, self.pad_token_id]

    def get_config(self):
        return {
            **super().get_config(),
            "cleaning": self.cleaning,
            "pad_token_id": self.pad_token_id,
            "num_embeddings": self.num_embeddings,
        }

    def _define(self, definition):
        self.definition = definition
        self._tokenizer = Tokenizer.from_str(definition)
        self._tokenizer.no_padding()
        added = [token.content for token in self._tokenizer.get_added_tokens_decoder().values()]
        longest_first = sorted(added, key=len, reverse=True)
        self._added = re.compile(f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})")

    def _clean(self, text):
        if self.cleaning not in AROUND_TOKENS:
            return CLEANINGS[self.cleaning](text)
        parts = self._added.split(text)  # every second one is an added token
        parts[::2] = map(CLEANINGS[self.cleaning], parts[::2])
        return "".join(parts)

    def _refuse_unknown(self, text, row):
        if (highest := max(row, default=0)) >= self.num_embeddings:
            raise UserError(
                f"the text {text!r} holds the token {self.id_to_token(highest)!r} (id {highest}), "
                f"but the model has embeddings for {self.num_embeddings} tokens; its tokenizer "
                "belongs to another model"
            )
