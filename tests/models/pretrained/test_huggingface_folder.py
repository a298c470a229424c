import json
import shutil

import numpy as np
import pytest
from PIL import Image

import kclip
from kclip.errors import UserError
from kclip.models.pretrained.huggingface_clip import load_huggingface_clip
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
    normalized = np.asarray(model.image_encoder.normalization(pixels.astype("float32")))
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


def test_golden_folder_as_a_folder_of_kclip(goldens, tmp_path):
    """Saved and loaded again, it prepares and embeds as before."""
    folder = goldens / "hf_clip_v5_folder"
    arrays = dict(np.load(folder / "io.npz"))
    for part in load_huggingface_folder(folder):
        part.save_to_preset(str(tmp_path / "model"))
    model, preprocess, tokenize = kclip.load(tmp_path / "model")
    pixels = np.stack([preprocess(image) for image in images(arrays)])
    np.testing.assert_allclose(model.encode_image(pixels), arrays["image_embeds"], atol=2e-5)
    texts = model.encode_text(tokenize(arrays["sentences"].tolist()))
    np.testing.assert_allclose(texts, arrays["text_embeds"], atol=2e-5)


def test_golden_metaclip_2_pools_at_the_end_that_its_config_names(goldens, tmp_path):
    """It is a CLIP but for `eos_token_id` 2, which means 2 there."""
    folder = shutil.copytree(goldens / "hf_clip_v5_folder", tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    end = config["text_config"]["eos_token_id"]
    ids = np.array([[5, 7, 9, end, 11, 2, 3]])
    for kind, pooled_at in (("clip", end), ("metaclip_2", 2)):
        config["model_type"], config["text_config"]["eos_token_id"] = kind, pooled_at
        (folder / "config.json").unlink()
        (folder / "config.json").write_text(json.dumps(config))
        model = load_huggingface_clip(folder)
        whole = model.encode_text({"token_ids": ids})
        # What stands after the end does not matter, what stands before it does.
        for position in range(1, ids.shape[1]):
            changed = ids.copy()
            changed[0, position] = 13
            moved = np.abs(model.encode_text({"token_ids": changed}) - whole).max() > 1e-4
            if ids[0, position] != pooled_at:
                assert moved == (position < list(ids[0]).index(pooled_at)), (kind, position)
