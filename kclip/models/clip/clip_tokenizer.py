import gzip
from pathlib import Path

import keras
import keras_hub
import numpy as np

from kclip.inputs.text_cleaning import fixed_lower

# What the byte-pair file of OpenAI's repository holds beyond the merges in use.
_MERGES = slice(1, 49152 - 256 - 2 + 1)


@keras.saving.register_keras_serializable("kclip")
class ClipTokenizer(keras_hub.models.CLIPTokenizer):
    """OpenAI's tokenizer for CLIP: KerasHub's, with OpenAI's cleaning before and its ends around.

    It gives the ids of OpenAI's `SimpleTokenizer`, with TensorFlow and without.

    Args:
        vocabulary: dict of token to id, or the path of a JSON file of it.
        merges: list of "a b" strings, or the path of a file with one a line.

    Example:
    >>> tokenizer = ClipTokenizer.from_openai("bpe_simple_vocab_16e6.txt.gz")
    >>> tokenizer.encode(["a dog"], length=6).tolist()
    [[49406, 320, 1929, 49407, 0, 0]]
    """

    def encode(self, texts, length):
        """From B strings to int32 ids (B, length): start, tokens, end, and padding with 0.

        A text that is too long is cut and keeps its end.
        """
        start, end = self.start_token_id, self.end_token_id
        rows = self.tokenize([fixed_lower(text) for text in texts]) if texts else []
        rows = [[start, *row[: length - 2], end] for row in rows]
        return pad(rows, length, self.pad_token_id)

    @property
    def settings(self):
        """What the ids depend on."""
        return [self.vocabulary, self.merges, self.pad_token_id]

    @classmethod
    def from_openai(cls, path):
        """The tokenizer of a byte-pair file as in OpenAI's repository, packed by gzip or not."""
        data = Path(path).read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
        merges = text.split("\n")[_MERGES]
        letters = _letters()
        words = [*letters, *(f"{letter}</w>" for letter in letters)]
        words += [merge.replace(" ", "") for merge in merges]
        words += ["<|startoftext|>", "<|endoftext|>"]
        return cls({word: number for number, word in enumerate(words)}, merges)

    def _set_vocabulary_and_merges_tokenizers(self, vocabulary, merges):
        # Without TensorFlow, KerasHub's own sets neither and then reads both.
        self.vocabulary, self.merges = dict(vocabulary), merges
        super()._set_vocabulary_and_merges_tokenizers(vocabulary, merges)


def pad(rows, length, value):
    """From lists of at most `length` ids to int32 (B, length), filled up with `value`."""
    ids = np.full((len(rows), length), value, np.int32)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
    return ids


def _letters():
    """The 256 letters that stand for the bytes, in OpenAI's order: printable ones as they are."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + n) for n in range(len(others))]
