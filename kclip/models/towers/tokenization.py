from functools import cached_property

import keras_hub
import numpy as np

TOKEN_INPUTS = ("token_ids", "padding_mask", "segment_ids")


class Tokenization:
    """From strings to what a text tower reads.

    Args:
        tokenizer: KerasHub's, `HuggingFaceTokenizer`, or CLIP's.
        length: int L. Tokens a text, start and end included; longer texts are cut.
        names: of the arrays, some of `TOKEN_INPUTS`.

    Call arguments:
        texts: a list of B strings; string tensors too, where `in_graph`.

    Returns:
        A dict of (B, L): int32 `token_ids` and `segment_ids`, bool `padding_mask`.

    Example:
    >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "dog"]
    >>> tokenizer = keras_hub.models.BertTokenizer(words)
    >>> np.asarray(Tokenization(tokenizer, 6, ("token_ids",))(["a dog"])["token_ids"]).tolist()
    [[2, 5, 6, 3, 0, 0]]
    """

    def __init__(self, tokenizer, length, names=TOKEN_INPUTS):
        self.tokenizer = tokenizer
        self.length = length
        self.names = tuple(names)

    def __call__(self, texts):
        token_ids, mask = self._ids_and_mask(texts)
        arrays = {
            "token_ids": token_ids,
            "padding_mask": mask,
            "segment_ids": 0 * token_ids,  # an operator works in tf.data under any backend
        }
        return {name: arrays[name] for name in self.names}

    @property
    def in_graph(self):
        """Whether string tensors are taken inside tf.data: KerasHub's tokenizer of BERT does."""
        return isinstance(self.tokenizer, keras_hub.models.BertTokenizer)

    @cached_property
    def _packer(self):
        # Not in the constructor: a tokenizer that is being loaded has no vocabulary yet.
        # Not the packer of several segments: it takes as long as the tokenizer itself.
        return keras_hub.layers.StartEndPacker(
            sequence_length=self.length,
            start_value=_either(self.tokenizer, "cls_token_id", "start_token_id"),
            end_value=_either(self.tokenizer, "sep_token_id", "end_token_id"),
            pad_value=self.tokenizer.pad_token_id,
        )

    def _ids_and_mask(self, texts):
        if hasattr(self.tokenizer, "encode_with_mask"):
            return self.tokenizer.encode_with_mask(list(texts), self.length)
        if hasattr(self.tokenizer, "encode"):  # CLIP's, whose tower asks for no mask
            token_ids = self.tokenizer.encode(list(texts), self.length)
            return token_ids, np.ones_like(token_ids, bool)
        token_ids = self._packer(self.tokenizer(texts))
        return token_ids, token_ids != self.tokenizer.pad_token_id


def _either(tokenizer, *names):
    """The attribute that a tokenizer of KerasHub has; they go by two names."""
    return next(getattr(tokenizer, name) for name in names if hasattr(tokenizer, name))
