import random

import keras_hub
import pytest
import tensorflow as tf
from keras_hub.src.tokenizers.word_piece_tokenizer import pretokenize

from kclip.inputs.bert_words import WORD_END, bert_words

RANGES = [
    range(32, 127),
    range(0xA0, 0x250),
    range(0x2000, 0x2070),
    range(0x4E00, 0x4E20),
    range(0xF900, 0xFA10),
    range(0x1F300, 0x1F700),
    range(0xFF00, 0xFFEF),
]
ODD_TEXTS = [
    "",
    "a\nb\x85c\u200bd",
    "ſtraße ½ a\u00a0b",
    "e\u0301 \u0301",
]


def random_texts(number):
    rng = random.Random(0)
    lengths = [rng.randint(0, 25) for _ in range(number)]
    return ["".join(chr(rng.choice(rng.choice(RANGES))) for _ in range(n)) for n in lengths]


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("strip_accents", [False, True])
def test_words_are_those_of_tensorflow_text(lowercase, strip_accents):
    texts = [*random_texts(500), *ODD_TEXTS]
    split = pretokenize(tf.constant(texts), lowercase=lowercase, strip_accents=strip_accents)
    for text, words in zip(texts, split.to_list(), strict=True):
        found = bert_words(text, lowercase, strip_accents).split(WORD_END)
        assert [word.decode() for word in words if word] == found[:-1], text


def test_a_control_character_parts_words():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]
    tokenizer = keras_hub.models.BertTokenizer(words)
    assert [int(number) for number in tokenizer(["a\x00b"])[0]] == [5, 6]
    assert bert_words("a\x00b", False, False) == f"a{WORD_END}b{WORD_END}"


def test_a_word_of_more_than_100_bytes_is_one_that_nobody_knows():
    assert bert_words("ж" * 50, True, True) == "ж" * 50 + WORD_END
    assert bert_words("ж" * 51, True, True) == "x" * 101 + WORD_END
