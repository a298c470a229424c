import json

import numpy as np
import pytest
from PIL import Image
from tiny_clip import SIZE, TEXTS, tiny_clip_preprocessor

from kclip.errors import UserError
from kclip.models import ClipPreprocessor
from kclip.models.clip.clip_image_encoder import CLIP_MEAN, CLIP_STD

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype="uint8")


@pytest.fixture(scope="module")
def openai(goldens):
    """The side of the crop; images as they came, resized and cropped, and normalised."""
    arrays = np.load(goldens / "openai_preprocess.npz")
    numbers = [name.removeprefix("image") for name in arrays if name.startswith("image")]
    names = ("image", "resized_cropped", "output")
    images = [[arrays[name + number] for name in names] for number in numbers]
    return json.loads(str(arrays["meta"]))["n_px"], images


def normalized(pixels):
    return (np.asarray(pixels, "float64") / 255 - CLIP_MEAN) / CLIP_STD


def test_golden_images_by_pillow(openai):
    side, images = openai
    preprocessor = ClipPreprocessor(None, side)
    for image, resized, output in images:
        pixels = preprocessor.prepare(Image.fromarray(image))
        np.testing.assert_array_equal(pixels, resized)
        np.testing.assert_allclose(normalized(pixels).transpose(2, 0, 1), output, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_golden_images_by_tensors(openai, dtype):
    side, images = openai
    preprocessor = ClipPreprocessor(None, side)
    for image, _, output in images:
        pixels = np.asarray(preprocessor.resize(image.astype(dtype)))
        assert pixels.dtype == dtype
        differences = np.abs(normalized(pixels).transpose(2, 0, 1) - output)
        assert differences.max() < 0.15
        assert differences.mean() < 0.01


def test_batches_are_resized_as_one_image_is():
    preprocessor = tiny_clip_preprocessor()
    batch = np.asarray(preprocessor.resize(np.stack([PIXELS, PIXELS[::-1]])))
    np.testing.assert_array_equal(batch[0], np.asarray(preprocessor.resize(PIXELS)))
    assert batch.shape == (2, SIZE, SIZE, 3)


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "lanczos"])
@pytest.mark.parametrize("mode", ["crop", "squash"])
@pytest.mark.parametrize("larger", [0, 7])
def test_both_ways_agree(mode, interpolation, larger):
    preprocessor = ClipPreprocessor(
        None, SIZE, resize=mode, interpolation=interpolation, resize_size=SIZE + larger
    )
    # Smooth, so that nothing overshoots and the 8 bits between Pillow's passes hardly matter.
    rows, columns = np.mgrid[:60, :90]
    smooth = np.stack([rows * 2 + 60, columns + 70, rows + columns], axis=-1).astype("uint8")
    by_pillow = preprocessor.prepare(Image.fromarray(smooth)).astype(int)
    by_tensors = np.asarray(preprocessor.resize(smooth)).astype(int)
    assert np.abs(by_pillow - by_tensors).max() <= 1


def test_a_crop_keeps_the_middle_and_a_squash_all():
    pixels = np.zeros((40, 120, 3), "uint8")
    pixels[:, 40:80] = 255
    for preprocess in ("prepare", "resize"):
        crop, squash = (
            np.asarray(
                getattr(ClipPreprocessor(None, 40, resize=mode), preprocess)(
                    Image.fromarray(pixels) if preprocess == "prepare" else pixels
                )
            )
            for mode in ("crop", "squash")
        )
        assert crop.mean() == 255
        assert 80 < squash.mean() < 90


def test_either_input_may_be_left_out():
    preprocessor = tiny_clip_preprocessor()
    assert set(preprocessor({"image": PIXELS})) == {"image"}
    assert preprocessor({"text": TEXTS})["token_ids"].shape == (4, 16)
    inputs, ids = preprocessor({"image": PIXELS[None], "text": TEXTS[:1]}, y=np.arange(1))
    assert set(inputs) == {"image", "token_ids"} and ids.tolist() == [0]


def test_one_string_is_a_list_of_one():
    preprocessor = tiny_clip_preprocessor()
    one, many = preprocessor.tokenize(TEXTS[0]), preprocessor.tokenize(TEXTS[:1])
    np.testing.assert_array_equal(one["token_ids"], many["token_ids"])


def test_without_a_tokenizer_there_are_no_texts(tmp_path):
    with pytest.raises(UserError, match="holds no tokenizer that kclip reads; put vocab.json"):
        ClipPreprocessor(None, SIZE).tokenize(TEXTS)


def test_settings_tell_preprocessors_apart():
    settings = [
        tiny_clip_preprocessor(**changes).settings
        for changes in ({}, {"resize": "squash"}, {"interpolation": "bilinear"})
    ]
    settings.append(tiny_clip_preprocessor("siglip", resize="crop").settings)
    assert all(a != b for i, a in enumerate(settings) for b in settings[:i])
    assert tiny_clip_preprocessor().settings == settings[0]
