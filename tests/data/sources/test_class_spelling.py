import pytest

from kclip.data.image_record import ImageRecord, Source
from kclip.data.sources.class_spelling import settle_spelling
from kclip.errors import UserError


def source(*labels):
    return Source([ImageRecord(str(n), "", b"", (), own) for n, own in enumerate(labels)], [])


def test_names_that_differ_in_capitals_or_spaces_alone():
    found = source(("Cat", "dog"), ("cat", "Dog"), ("dog", "red ball", "redball"))
    with pytest.raises(UserError, match="'Cat' and 'cat'; 'Dog' and 'dog'; .*--similar-names"):
        settle_spelling(found, "refuse")
    assert settle_spelling(found, "keep") is found
    merged = settle_spelling(found, "merge")
    assert [r.labels for r in merged.records] == [
        ("Cat", "dog"),
        ("Cat", "dog"),
        ("dog", "red ball"),
    ]
    assert "were merged: 'Cat' and 'cat'" in merged.notes[0]


def test_composed_and_decomposed_accents_are_one():
    with pytest.raises(UserError, match="differ in capitals or spaces"):
        settle_spelling(source(("caf\u00e9",), ("cafe\u0301",)), "refuse")


def test_other_names_stay():
    found = source(("cat", "cats"), ("cat food",), ())
    assert settle_spelling(found, "refuse") is found
