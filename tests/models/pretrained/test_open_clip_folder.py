import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

import kclip
from kclip.errors import UserError
from kclip.models.pretrained.open_clip_folder import load_open_clip_folder

FOLDERS = ["open_clip_tiny", "open_clip_tiny_quickgelu", "open_clip_tiny_siglip"]
WEIGHTS = "open_clip_model.safetensors"
CONFIG = "open_clip_config.json"


def timm_tower(arrays):
    """The heads of a tower that timm has no name for, as the arrays tell them."""
    notes = json.loads(str(arrays["meta"]))["notes"]
    heads = re.search(r"num_heads=(\d+)", notes.get("vision tower", ""))
    return {"num_heads": int(heads[1]), "activation": "gelu"} if heads else None


@pytest.fixture(scope="module", params=FOLDERS)
def loaded(request, goldens):
    folder = goldens / request.param
    arrays = dict(np.load(folder / "io.npz"))
    return arrays, *load_open_clip_folder(folder, timm_tower=timm_tower(arrays))


@pytest.fixture
def folder(goldens, tmp_path):
    return shutil.copytree(goldens / "open_clip_tiny", tmp_path / "model")


def edit(folder, section, **changes):
    config = json.loads((folder / CONFIG).read_text())
    part = config["model_cfg"] if section in ("vision_cfg", "text_cfg") else config
    part[section] = {**part.get(section, {}), **changes}
    (folder / CONFIG).unlink()
    (folder / CONFIG).write_text(json.dumps(config))


def prepared(arrays, preprocessor):
    names = (f"image{number}_uint8" for number in range(len(arrays["pixel_values"])))
    return np.stack([preprocessor.prepare(Image.fromarray(arrays[name])) for name in names])


def test_golden_pixels(loaded):
    arrays, model, preprocessor = loaded
    pixels = prepared(arrays, preprocessor).astype("float32")
    normalized = np.asarray(model.image_encoder.normalization(pixels)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(normalized, arrays["pixel_values"], atol=1e-6)


def test_golden_tokens(loaded):
    arrays, _, preprocessor = loaded
    ids = preprocessor.tokenize(arrays["sentences"].tolist())["token_ids"]
    np.testing.assert_array_equal(ids, arrays["input_ids"])


def test_golden_embeddings_and_logits_of_images_and_strings(loaded):
    arrays, model, preprocessor = loaded
    pixels = prepared(arrays, preprocessor)
    tokens = preprocessor.tokenize(arrays["sentences"].tolist())
    np.testing.assert_allclose(model.encode_image(pixels), arrays["image_embeds"], atol=2e-5)
    np.testing.assert_allclose(model.encode_text(tokens), arrays["text_embeds"], atol=2e-5)
    logits = model.logits_per_image(pixels, tokens)
    np.testing.assert_allclose(logits, arrays["logits_per_image"], atol=5e-5)


def test_golden_texts_padded_with_zeros_are_the_same(loaded):
    arrays, model, _ = loaded
    if "input_ids_zero_padded" in arrays:
        embeddings = model.encode_text({"token_ids": arrays["input_ids_zero_padded"]})
        np.testing.assert_allclose(embeddings, arrays["text_embeds"], atol=2e-5)


def test_golden_weights_with_a_text_tower_of_its_own(folder, goldens):
    tensors = load_file(folder / WEIGHTS)
    plain = ("visual.", "logit_scale")
    moved = {name if name.startswith(plain) else f"text.{name}": x for name, x in tensors.items()}
    (folder / WEIGHTS).unlink()
    save_file({f"module.{name}": x for name, x in moved.items()}, folder / WEIGHTS)
    one, _ = load_open_clip_folder(goldens / "open_clip_tiny")
    other, _ = load_open_clip_folder(folder)
    for weight, same in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("vision_cfg", {"layers": [3, 4, 6, 3]}, "which is a ResNet; kclip"),
        ("vision_cfg", {"timm_model_name": "convnext_base"}, "says layers .* in vision_cfg"),
        ("vision_cfg", {"attentional_pool": True}, "attentional_pool True in vision_cfg.*be False"),
        ("vision_cfg", {"ls_init_value": 0.1}, "ls_init_value 0.1 .*may be None"),
        ("vision_cfg", {"image_size": [32, 64]}, "says image_size .*square images"),
        ("text_cfg", {"hf_model_name": "roberta-base"}, "hf_model_name 'roberta-base' in text_cfg"),
        ("text_cfg", {"pool_type": "first"}, "pool_type 'first' in text_cfg"),
        ("text_cfg", {"made_up": 3}, "made_up 3 in text_cfg, which kclip does not do"),
        ("text_cfg", {"tokenizer_kwargs": {"strip_sep_token": True}}, "asks for a tokenizer with"),
        ("preprocess_cfg", {"resize_mode": "longest"}, "resizes images by 'longest' and 'bicubic'"),
        ("preprocess_cfg", {"size": [999, 999]}, "images of .*999.* pixels for a model of"),
    ],
)
def test_golden_folder_that_asks_for_what_kclip_does_not_do(folder, section, changes, message):
    edit(folder, section, **changes)
    with pytest.raises(UserError, match=message) as error:
        load_open_clip_folder(folder)
    assert "\n" not in str(error.value)


def test_golden_folder_of_a_timm_tower_without_a_known_name(goldens):
    with pytest.raises(UserError, match="the image tower is timm's .*; kclip knows SigLIP's"):
        load_open_clip_folder(goldens / "open_clip_tiny_siglip")


def test_golden_folder_with_other_weights(folder, goldens):
    (folder / WEIGHTS).unlink()
    with pytest.raises(UserError, match="holds no open_clip_model.safetensors; download it too"):
        load_open_clip_folder(folder)
    shutil.copy(goldens / "hf_clip_tiny" / "model.safetensors", folder / WEIGHTS)
    with pytest.raises(UserError, match="holds no tensor 'visual.conv1.weight'; its weights"):
        load_open_clip_folder(folder)


def test_golden_folder_with_a_tensor_too_many(folder):
    tensors = load_file(folder / WEIGHTS) | {"visual.extra": np.zeros(3, "float32")}
    (folder / WEIGHTS).unlink()
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(UserError, match="holds the tensor 'visual.extra'"):
        load_open_clip_folder(folder)


def test_a_folder_without_its_config(tmp_path):
    with pytest.raises(UserError, match="holds no open_clip_config.json"):
        load_open_clip_folder(tmp_path)
    (tmp_path / CONFIG).write_text('{"model_cfg": {"embed_dim": 3}}')
    with pytest.raises(UserError, match="no model_cfg of two towers"):
        load_open_clip_folder(tmp_path)


def test_golden_folder_by_its_name_alone(goldens, tmp_path):
    model, _, tokenize = kclip.load(goldens / "open_clip_tiny")
    arrays = np.load(goldens / "open_clip_tiny" / "io.npz")
    embeddings = model.encode_text(tokenize(arrays["sentences"].tolist()))
    np.testing.assert_allclose(embeddings, arrays["text_embeds"], atol=2e-5)
    # A folder with the model in both forms: transformers' is read.
    both = shutil.copytree(goldens / "hf_clip_v5_folder", tmp_path / "both")
    shutil.copy(goldens / "open_clip_tiny" / CONFIG, both / CONFIG)
    arrays = np.load(goldens / "hf_clip_v5_folder" / "io.npz")
    model, _, _ = kclip.load(both)
    embeddings = model.encode_text({"token_ids": arrays["input_ids"]})
    np.testing.assert_allclose(embeddings, arrays["text_embeds"], atol=2e-5)
