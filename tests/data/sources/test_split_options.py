import pytest

from kclip.data.sources.split_options import parse_named, parse_numbers
from kclip.errors import UserError


def test_names_and_the_rest():
    assert parse_numbers("--shards", ["4", "train=16"]) == {"": 4, "train": 16}
    assert parse_named("--split-lists", ["train=a=b.txt"]) == {"train": "a=b.txt"}


@pytest.mark.parametrize("texts", [["train="], ["=4"], ["a b=4"], ["4", "5"], ["x=1", "x=2"]])
def test_wrong_texts_are_quoted(texts):
    with pytest.raises(UserError, match="--shards got .*expected NAME=VALUE"):
        parse_numbers("--shards", texts)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_wrong_numbers_are_quoted(text):
    with pytest.raises(UserError, match="at least 1"):
        parse_numbers("--shards", [f"train={text}"])
