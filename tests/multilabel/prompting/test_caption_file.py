import json

import pytest

from kclip.errors import UserError
from kclip.multilabel.prompting import CaptionFile


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "captions.json"
        path.write_text(json.dumps(content))
        return path

    return write


def test_the_order_of_names_does_not_matter(write):
    captions = CaptionFile(write({"red car, dog": "A dog in a red car.", "dog": " A dog. "}))
    assert captions([("dog",), ("dog", "red_car"), ("red car", "dog")]) == [
        "A dog.",
        "A dog in a red car.",
        "A dog in a red car.",
    ]


def test_missing_captions_are_counted(write):
    captions = CaptionFile(write({"dog": "A dog."}))
    with pytest.raises(UserError, match="2 of 3 combinations, the first being 'cat, dog'"):
        captions([("dog",), ("cat", "dog"), ("cat",)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"dog": 3}, "caption of 'dog' is 3; give a sentence"),
        ({"dog": "  "}, "give a sentence"),
        ({"dog, cat": "One.", "cat, dog": "Two."}, "'cat, dog' comes twice"),
    ],
)
def test_files_that_say_too_little_or_too_much(write, content, message):
    with pytest.raises(UserError, match=message):
        CaptionFile(write(content))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        CaptionFile(tmp_path / "absent.json")
