import numpy as np
import pytest
import sentencepiece
from tiny_clip import TEXTS, sentencepiece_model

from kclip.models import SiglipTokenizer


@pytest.fixture(scope="module")
def proto():
    return sentencepiece_model()


def test_ids_are_sentencepieces_with_an_end(proto):
    pieces = sentencepiece.SentencePieceProcessor(model_proto=proto)
    ids = SiglipTokenizer(proto).encode(TEXTS, 40)
    assert ids.dtype == np.int32 and ids.shape == (4, 40)
    for text, row in zip(TEXTS, ids, strict=True):
        expected = pieces.encode(text)
        assert row[: len(expected)].tolist() == expected
        assert set(row[len(expected) :].tolist()) == {pieces.eos_id()}


def test_punctuation_and_case_do_not_count(proto):
    ids = SiglipTokenizer(proto).encode(["A  Red, Circle!", "a red circle"], 16)
    assert ids[0].tolist() == ids[1].tolist()


def test_a_long_text_keeps_its_end(proto):
    tokenizer = SiglipTokenizer(proto)
    whole, cut = tokenizer.encode(TEXTS[3:], 40)[0], tokenizer.encode(TEXTS[3:], 6)[0]
    assert cut.tolist() == [*whole[:5], tokenizer.end_token_id]


def test_no_texts_at_all(proto):
    assert SiglipTokenizer(proto).encode([], 5).shape == (0, 5)
