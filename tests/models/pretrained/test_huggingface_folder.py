import json
import shutil

import numpy as np
import pytest
from tiny_clip import TEXTS, sentencepiece_model, tiny_clip_tokenizer, vocabulary

from kclip.errors import UserError
from kclip.models.pretrained.huggingface_folder import load_huggingface_folder


@pytest.fixture
def folder(goldens, tmp_path):
    return shutil.copytree(goldens / "hf_clip_tiny", tmp_path / "model")


def write(path, content):
    path.write_text(json.dumps(content))


def images(**settings):
    """A preprocessor_config.json as Hugging Face writes it for CLIP, of the golden's size."""
    return {
        "do_center_crop": True,
        "crop_size": {"height": 32, "width": 32},
        "size": {"shortest_edge": 32},
        "resample": 3,
        "image_mean": [0.1, 0.2, 0.3],
        "image_std": [0.4, 0.5, 0.6],
        "rescale_factor": 0.00392156862745098,
        **settings,
    }


def test_golden_folder_with_its_image_settings(folder):
    write(folder / "preprocessor_config.json", images(resample=2))
    model, preprocessor = load_huggingface_folder(folder)
    assert model.numbers["mean"] == [0.1, 0.2, 0.3]
    assert model.numbers["std"] == [0.4, 0.5, 0.6]
    assert (preprocessor.resize_mode, preprocessor.interpolation) == ("crop", "bilinear")
    assert (preprocessor.side, preprocessor.sequence_length) == (32, 16)


@pytest.mark.parametrize(
    ("size", "mode"), [(32, "crop"), ({"height": 32, "width": 32}, "squash"), (None, "crop")]
)
def test_golden_folder_with_sizes_in_other_words(folder, size, mode):
    write(folder / "preprocessor_config.json", images(size=size))
    assert load_huggingface_folder(folder)[1].resize_mode == mode


def test_golden_folder_without_image_settings(folder, goldens):
    model, preprocessor = load_huggingface_folder(folder)
    assert model.numbers["mean"][0] == pytest.approx(0.48145466)
    assert (preprocessor.resize_mode, preprocessor.interpolation) == ("crop", "bicubic")
    model, preprocessor = load_huggingface_folder(goldens / "hf_siglip_tiny")
    assert model.numbers["mean"] == model.numbers["std"] == [0.5, 0.5, 0.5]
    assert (preprocessor.resize_mode, preprocessor.interpolation) == ("squash", "bicubic")


def test_golden_folder_with_pixels_left_alone(folder):
    write(folder / "preprocessor_config.json", images(do_normalize=False))
    model, _ = load_huggingface_folder(folder)
    assert (model.numbers["mean"], model.numbers["std"]) == ([0.0] * 3, [1.0] * 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": {"shortest_edge": 64}}, "images of another size than the 32 pixels"),
        ({"resample": 0}, "resizes by Pillow's method 0; kclip does 2"),
        ({"rescale_factor": 1.0}, "does not scale pixels by 1/255"),
        ({"do_rescale": False}, "does not scale pixels by 1/255"),
    ],
)
def test_golden_folder_that_asks_for_what_kclip_does_not_do(folder, settings, message):
    write(folder / "preprocessor_config.json", images(**settings))
    with pytest.raises(UserError, match=message):
        load_huggingface_folder(folder)


def write_vocabulary(folder):
    write(folder / "vocab.json", vocabulary())
    (folder / "merges.txt").write_text(
        "\n".join(["#version: 0.2", *tiny_clip_tokenizer().merges, ""]), encoding="utf-8"
    )


def write_tokenizer_json(folder, pairs=False):
    merges = tiny_clip_tokenizer().merges
    merges = [merge.split(" ") for merge in merges] if pairs else merges
    write(folder / "tokenizer.json", {"model": {"vocab": vocabulary(), "merges": merges}})


@pytest.mark.parametrize(
    "write_files",
    [write_vocabulary, write_tokenizer_json, lambda path: write_tokenizer_json(path, True)],
    ids=["vocab", "json", "json_pairs"],
)
def test_golden_folder_with_a_tokenizer(folder, write_files):
    write_files(folder)
    _, preprocessor = load_huggingface_folder(folder)
    expected = tiny_clip_tokenizer().encode(TEXTS, 16)
    np.testing.assert_array_equal(preprocessor.tokenize(TEXTS)["token_ids"], expected)


def test_golden_siglip_with_its_tokenizer(goldens, tmp_path):
    folder = shutil.copytree(goldens / "hf_siglip_tiny", tmp_path / "model")
    (folder / "spiece.model").write_bytes(sentencepiece_model())
    _, preprocessor = load_huggingface_folder(folder)
    assert preprocessor.tokenize(TEXTS)["token_ids"].shape == (4, 16)


def test_golden_folder_without_a_tokenizer_does_images(folder):
    model, preprocessor = load_huggingface_folder(folder)
    assert model.encode_image(np.zeros((1, 32, 32, 3))).shape == (1, 16)
    with pytest.raises(UserError, match="holds no tokenizer"):
        preprocessor.tokenize(TEXTS)


@pytest.mark.parametrize("file", ["vocab.json", "preprocessor_config.json"])
def test_golden_folder_with_a_damaged_file(folder, file):
    write_vocabulary(folder)
    (folder / file).write_text("{")
    with pytest.raises(UserError, match=f"{file}' is not valid JSON"):
        load_huggingface_folder(folder)


def test_golden_folder_with_a_tokenizer_that_is_not_clips(folder):
    write(folder / "tokenizer.json", {"model": {"vocab": {"a": 0}, "merges": ["a b"]}})
    with pytest.raises(UserError, match="the tokenizer in .* is not CLIP's"):
        load_huggingface_folder(folder)
