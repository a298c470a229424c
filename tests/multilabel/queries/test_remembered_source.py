import numpy as np
import pytest

from kclip.errors import UserError
from kclip.multilabel.queries.remembered_source import RememberedSource


class _Source:
    dim = 3

    def __init__(self):
        self.asked = []

    def embed_classes(self, names):
        if not names:
            raise UserError("there is no class to embed")
        return self.embed_texts(names)

    def embed_texts(self, texts):
        self.asked.append(list(texts))
        return np.array([[len(text), ord(text[0]), 1] for text in texts], np.float32)


def test_what_is_known_is_not_asked_again():
    source = _Source()
    remembered = RememberedSource(source)
    first = remembered.embed_classes(["cat", "mouse", "cat"])
    again = remembered.embed_classes(["mouse", "dog"])
    assert source.asked == [["cat", "mouse"], ["dog"]]
    assert first.tolist() == [[3, 99, 1], [5, 109, 1], [3, 99, 1]]
    assert np.array_equal(again[0], first[1])
    assert remembered.dim == 3


def test_classes_and_texts_are_known_apart():
    source = _Source()
    remembered = RememberedSource(source)
    remembered.embed_classes(["cat"])
    remembered.embed_texts(["cat"])
    assert source.asked == [["cat"], ["cat"]]


def test_a_refusal_is_passed_on():
    with pytest.raises(UserError, match="no class to embed"):
        RememberedSource(_Source()).embed_classes([])
