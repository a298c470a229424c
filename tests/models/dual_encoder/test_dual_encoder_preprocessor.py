import numpy as np
import pytest
from PIL import Image
from tiny_models import TEXTS, VOCABULARY, tiny_preprocessor

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (60, 90, 3), dtype="uint8")


def ids(text):
    return [VOCABULARY.index(piece) for piece in text.split()]


def test_tokens_by_hand():
    tokens = tiny_preprocessor().tokenize(["A RED círcle", "two squares"])
    token_ids = np.asarray(tokens["token_ids"])
    assert token_ids.tolist() == [
        ids("[CLS] a red circle [SEP] [PAD] [PAD] [PAD]"),
        ids("[CLS] two square ##s [SEP] [PAD] [PAD] [PAD]"),
    ]
    expected = [[1, 1, 1, 1, 1, 0, 0, 0]] * 2
    np.testing.assert_array_equal(np.asarray(tokens["padding_mask"]), expected)
    assert not np.any(np.asarray(tokens["segment_ids"]))


def test_a_long_text_is_cut_and_keeps_its_end():
    tokens = tiny_preprocessor(sequence_length=5).tokenize([TEXTS[4]])
    assert np.asarray(tokens["token_ids"]).tolist() == [ids("[CLS] a large blue [SEP]")]


def test_an_unknown_word_and_no_word_at_all():
    tokens = np.asarray(tiny_preprocessor(sequence_length=4).tokenize(["zebra", ""])["token_ids"])
    assert tokens.tolist() == [ids("[CLS] [UNK] [SEP] [PAD]"), ids("[CLS] [SEP] [PAD] [PAD]")]


def resized_by_pillow(box):
    """One channel at a time in float, where Pillow neither rounds nor clips."""
    left, top, right, bottom = box
    channels = [
        Image.fromarray(PIXELS[top:bottom, left:right, channel].astype("float32"))
        for channel in range(3)
    ]
    return np.stack(
        [np.asarray(c.resize((32, 32), Image.Resampling.BICUBIC)) for c in channels], axis=-1
    )


@pytest.mark.parametrize(("mode", "box"), [("squash", (0, 0, 90, 60)), ("crop", (15, 0, 75, 60))])
def test_images_are_resized_as_pillow_does(mode, box):
    """Bicubic with antialias."""
    preprocessor = tiny_preprocessor(resize=mode)
    expected = resized_by_pillow(box)
    ours = np.asarray(preprocessor.resize(PIXELS.astype("float32")))
    np.testing.assert_allclose(ours, expected, atol=0.05)
    levels = np.asarray(preprocessor.resize(PIXELS))
    assert levels.dtype == np.uint8
    np.testing.assert_allclose(levels.astype("float32"), np.clip(expected, 0, 255), atol=0.55)


def test_an_image_of_the_right_size_is_left_alone():
    pixels = RNG.integers(0, 256, (2, 32, 32, 3), dtype="uint8")
    np.testing.assert_allclose(np.asarray(tiny_preprocessor().resize(pixels)), pixels, atol=1e-3)


def test_either_input_may_be_left_out():
    preprocessor = tiny_preprocessor()
    assert set(preprocessor({"image": PIXELS})) == {"image"}
    assert set(preprocessor({"text": TEXTS})) == {"token_ids", "padding_mask", "segment_ids"}
    both = preprocessor({"image": PIXELS[None], "text": TEXTS[:1]})
    assert both["image"].shape == (1, 32, 32, 3)
    assert both["token_ids"].shape == (1, 8)


def test_targets_pass_through():
    inputs, ids = tiny_preprocessor()({"text": TEXTS}, y=np.arange(len(TEXTS)))
    assert set(inputs) == {"token_ids", "padding_mask", "segment_ids"}
    assert np.asarray(ids).tolist() == list(range(len(TEXTS)))
