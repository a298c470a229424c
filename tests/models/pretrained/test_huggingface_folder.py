import json
import shutil

import numpy as np
import pytest
from PIL import Image

from kclip.errors import UserError
from kclip.models.pretrained.huggingface_folder import load_huggingface_folder

FOLDERS = ["hf_clip_v5_folder", "hf_siglip2_tiny"]


@pytest.fixture(scope="module", params=FOLDERS)
def loaded(request, goldens):
    """The arrays of a folder, and what kclip makes of it."""
    folder = goldens / request.param
    return dict(np.load(folder / "io.npz")), *load_huggingface_folder(folder)


def images(arrays):
    names = (f"image{number}_uint8" for number in range(len(arrays["pixel_values"])))
    return [Image.fromarray(arrays[name]) for name in names]


def test_golden_pixels(loaded):
    arrays, model, preprocessor = loaded
    pixels = np.stack([preprocessor.prepare(image) for image in images(arrays)])
    normalized = np.asarray(model.normalization(pixels.astype("float32")))
    np.testing.assert_allclose(normalized.transpose(0, 3, 1, 2), arrays["pixel_values"], atol=1e-6)


def test_golden_tokens(loaded):
    arrays, _, preprocessor = loaded
    ids = preprocessor.tokenize(arrays["sentences"].tolist())["token_ids"]
    np.testing.assert_array_equal(ids, arrays["input_ids"])


def test_golden_embeddings_and_logits_of_images_and_strings(loaded):
    arrays, model, preprocessor = loaded
    pixels = np.stack([preprocessor.prepare(image) for image in images(arrays)])
    tokens = preprocessor.tokenize(arrays["sentences"].tolist())
    np.testing.assert_allclose(model.encode_image(pixels), arrays["image_embeds"], atol=2e-5)
    np.testing.assert_allclose(model.encode_text(tokens), arrays["text_embeds"], atol=2e-5)
    logits = model.logits_per_image(pixels, tokens)
    np.testing.assert_allclose(logits, arrays["logits_per_image"], atol=5e-5)


def test_golden_folder_without_a_tokenizer_does_images(goldens):
    model, preprocessor = load_huggingface_folder(goldens / "hf_clip_tiny")
    size = model.image_size
    assert model.encode_image(np.zeros((1, size, size, 3))).shape == (1, model.projection_dim)
    with pytest.raises(UserError, match="holds no tokenizer that kclip reads; put vocab.json"):
        preprocessor.tokenize("a dog")


@pytest.mark.parametrize("file", ["tokenizer.json", "processor_config.json", "added_tokens.json"])
def test_golden_folder_with_a_damaged_file(goldens, tmp_path, file):
    folder = shutil.copytree(goldens / "hf_clip_v5_folder", tmp_path / "model")
    (folder / file).unlink(missing_ok=True)
    (folder / file).write_text("{")
    with pytest.raises(UserError, match=f"{file}' is not valid JSON"):
        load_huggingface_folder(folder)


def test_golden_folder_whose_two_files_of_image_settings_differ(goldens, tmp_path):
    folder = shutil.copytree(goldens / "hf_siglip2_tiny", tmp_path / "model")
    path = folder / "preprocessor_config.json"
    settings = json.loads(path.read_text())
    path.unlink()
    path.write_text(json.dumps(settings | {"resample": 5 - settings["resample"]}))
    with pytest.raises(UserError, match="in different ways; remove the one"):
        load_huggingface_folder(folder)
