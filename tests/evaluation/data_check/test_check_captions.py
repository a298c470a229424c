import pytest

from kclip.evaluation.data_check.captions import (
    check_captions,
    common_captions,
    has_no_words,
    images_with_repeats,
)

CAPTIONS = [
    ("A dog runs .", "a dog  runs"),
    ("a dog runs", "a cat"),
    ("a cow",),
    (),
    ("nan", "a bird"),
]
NAMES = ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"]


def found(captions, names=None):
    names = names or [f"{row}.jpg" for row in range(len(captions))]
    return {finding.kind: finding for finding in check_captions(captions, names)}


def test_repeats_and_common_captions_by_hand():
    assert images_with_repeats(CAPTIONS) == [0]
    assert common_captions(CAPTIONS) == [("a dog runs", 2)]


@pytest.mark.parametrize("text", ["", "  ", "...", "NaN", "None", "N/A", "<unk>"])
def test_texts_without_words(text):
    assert has_no_words(text)


@pytest.mark.parametrize("text", ["a", "7", "犬", "nanny", "Nonesuch"])
def test_texts_with_words(text):
    assert not has_no_words(text)


def test_each_kind_is_found_with_its_rows():
    findings = found(CAPTIONS, NAMES)
    assert {kind: (f.level, f.rows) for kind, f in findings.items()} == {
        "no caption": ("warning", (3,)),
        "empty caption": ("serious", (4,)),
        "caption repeated": ("warning", (0,)),
        "caption shared": ("note", (0, 1)),  # of five images two are too few to judge
    }
    assert findings["empty caption"].examples == ("4.jpg: 'nan'",)


@pytest.mark.parametrize("shared, level", [(5, "note"), (6, "warning"), (60, "serious")])
def test_how_serious_a_shared_caption_is(shared, level):
    captions = [("a photo",)] * shared + [(f"image {n}",) for n in range(600 - shared)]
    finding = found(captions)["caption shared"]
    assert (finding.level, len(finding.rows)) == (level, min(shared, 10))
    assert finding.examples == (f"a photo: {shared} images",)


def test_sound_captions_and_none_at_all():
    assert found([("a dog",), ("a cat", "two cats")]) == {}
    assert found([(), ()]) == {}
