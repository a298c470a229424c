from pathlib import Path

import numpy as np
import pytest
from fake_embedder import COLORS, FakeEmbedder
from PIL import Image

from kclip.errors import UserError
from kclip.retrieval.queries import embed_queries, parse_query


@pytest.fixture
def flag(tmp_path, monkeypatch):
    """Left half red, right half blue, 8 x 4 pixels."""
    monkeypatch.chdir(tmp_path)
    image = Image.new("RGB", (8, 4), COLORS["red"])
    image.paste(COLORS["blue"], (4, 0, 8, 4))
    image.save("flag.png")
    return Path("flag.png")


def terms(text, read_as=None):
    return [(term.weight, term.content) for term in parse_query(text, read_as).terms]


def test_what_is_typed_and_what_it_is_taken_for(flag):
    assert terms("a red-and-white wall") == [(1, "a red-and-white wall")]
    assert terms(" flag.png ") == [(1, flag)]
    assert terms("dog + 0.5*flag.png - .25 * 'old fruit'", "combination") == [
        (1, "dog"), (0.5, flag), (-0.25, "old fruit")
    ]  # fmt: skip
    assert terms("- fruit + ./flag.png", "combination") == [(-1, "fruit"), (1, flag)]
    assert terms("-foo + bar", "combination") == [(1, "-foo"), (1, "bar")]
    assert terms("black + white", "sentence") == [(1, "black + white")]
    assert terms("2 * 3 bikes") == [(1, "2 * 3 bikes")]
    assert terms("flag.png", "sentence") == [(1, "flag.png")]


def test_a_word_is_no_file_of_that_name(flag):
    flag.rename("dog")
    assert terms("dog") == [(1, "dog")] and terms("./dog") == [(1, Path("dog"))]


@pytest.mark.parametrize(
    ("text", "crop", "message"),
    [
        ("black + white", None, "may be a sentence, or a combination .* --read-as"),
        ("- smiling", None, "may be a sentence"),
        ("gone.png", None, "there is no image 'gone.png'"),
        ("", None, "at least one query"),
        ("red", (0, 0, 1, 1), "--crop is a part of one image, but 'red' names 0"),
    ],
)
def test_what_cannot_be_read(flag, text, crop, message):
    with pytest.raises(UserError, match=message):
        parse_query(text, None, crop)


def test_terms_are_added_up_and_each_has_length_one_before_its_weight(flag):
    class Long(FakeEmbedder):
        def embed_texts(self, texts, batch_size=256):
            return 7 * super().embed_texts(texts)

    queries = [parse_query("red"), parse_query("0.5*red + flag.png - blue", "combination")]
    one, sum_ = embed_queries(Long(), queries)
    red, blue = FakeEmbedder().embed_texts(["red", "blue"])
    (flag_row,) = FakeEmbedder().embed_images([flag])
    np.testing.assert_allclose(one, red, atol=1e-6)
    expected = 0.5 * red + flag_row - blue
    np.testing.assert_allclose(sum_, expected / np.linalg.norm(expected), atol=1e-6)


@pytest.mark.parametrize(("crop", "color"), [((0, 0, 4, 4), "red"), ((4, 1, 4, 3), "blue")])
def test_a_part_of_an_image(flag, crop, color):
    (row,) = embed_queries(FakeEmbedder(), [parse_query("flag.png", None, crop)])
    (expected,) = FakeEmbedder().embed_images([Image.new("RGB", (4, 4), COLORS[color])])
    np.testing.assert_allclose(row, expected, atol=1e-6)


@pytest.mark.parametrize("crop", [(0, 0, 9, 4), (4, 1, 4, 4), (0, 0, 0, 4)])
def test_a_part_that_is_none(flag, crop):
    with pytest.raises(UserError, match="is no part of flag.png, which is 8 x 4 pixels"):
        embed_queries(FakeEmbedder(), [parse_query("flag.png", None, crop)])


def test_terms_that_leave_nothing_and_images_that_cannot_be_read(flag):
    with pytest.raises(UserError, match="add up to nothing"):
        embed_queries(FakeEmbedder(), [parse_query("red - red", "combination")])
    flag.write_bytes(b"no image")
    with pytest.raises(UserError, match="flag.png: not an image"):
        embed_queries(FakeEmbedder(), [parse_query("flag.png")])
