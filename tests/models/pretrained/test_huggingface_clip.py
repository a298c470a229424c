import json
import shutil

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kclip.errors import UserError
from kclip.models.pretrained.huggingface_clip import load_huggingface_clip

FOLDERS = ["hf_clip_tiny", "hf_clip_tiny_gelu", "hf_siglip_tiny"]


@pytest.fixture
def folder(goldens, tmp_path):
    """A copy of a good folder, to be spoilt."""
    return shutil.copytree(goldens / "hf_clip_tiny", tmp_path / "model")


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def pixels(model, arrays):
    """What the model, which normalises inside, turns into the golden's `pixel_values`."""
    mean, std = model.numbers["mean"], model.numbers["std"]
    return (arrays["pixel_values"].transpose(0, 2, 3, 1) * std + np.array(mean)) * 255


@pytest.mark.parametrize("name", FOLDERS)
def test_golden_embeddings_and_logits(goldens, name):
    model = load_huggingface_clip(goldens / name)
    arrays = np.load(goldens / name / "io.npz")
    images, tokens = pixels(model, arrays), {"token_ids": arrays["input_ids"]}
    np.testing.assert_allclose(model.encode_image(images), arrays["image_embeds"], atol=2e-5)
    np.testing.assert_allclose(model.encode_text(tokens), arrays["text_embeds"], atol=2e-5)
    logits = model.logits_per_image(images, tokens)
    np.testing.assert_allclose(logits, arrays["logits_per_image"], atol=5e-5)


@pytest.mark.parametrize("name", FOLDERS)
def test_golden_under_mixed_precision_stays_near(goldens, name):
    model = load_huggingface_clip(goldens / name, dtype="mixed_bfloat16")
    arrays = np.load(goldens / name / "io.npz")
    embeddings = model.encode_image(pixels(model, arrays))
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings, arrays["image_embeds"], atol=0.02)


def test_golden_weights_in_shards(folder, goldens):
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    half = len(names) // 2
    parts = {"a.safetensors": names[:half], "b.safetensors": names[half:]}
    for file, part in parts.items():
        save_file({name: tensors[name] for name in part}, folder / file)
    index = {"weight_map": {name: file for file, part in parts.items() for name in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").unlink()
    whole, sharded = load_huggingface_clip(goldens / "hf_clip_tiny"), load_huggingface_clip(folder)
    for one, other in zip(whole.get_weights(), sharded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_golden_weights_in_half_precision(folder):
    tensors = load_file(folder / "model.safetensors")
    halves = {name: tensor.astype("float16") for name, tensor in tensors.items()}
    save_file(halves, folder / "model.safetensors")
    arrays = np.load(folder / "io.npz")
    model = load_huggingface_clip(folder)
    embeddings = model.encode_image(pixels(model, arrays))
    np.testing.assert_allclose(embeddings, arrays["image_embeds"], atol=2e-3)


def test_golden_weights_in_bfloat16(folder):
    tensors = load_file(folder / "model.safetensors")
    halves = {name: tensor.astype(ml_dtypes.bfloat16) for name, tensor in tensors.items()}
    save_file(halves, folder / "model.safetensors")
    arrays = np.load(folder / "io.npz")
    model = load_huggingface_clip(folder)
    embeddings = model.encode_image(pixels(model, arrays))
    np.testing.assert_allclose(embeddings, arrays["image_embeds"], atol=2e-2)


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"_orig_mod.{name}",
        lambda name: f"module.{name}",
        lambda name: f"model.clip.{name}",
        lambda name: name.replace("vision_model.", "vision_model._orig_mod."),
        lambda name: f"module._orig_mod.student.{name}",
    ],
)
def test_golden_weights_with_wrappers_in_their_names(folder, goldens, rename):
    tensors = load_file(folder / "model.safetensors")
    save_file({rename(name): x for name, x in tensors.items()}, folder / "model.safetensors")
    plain, wrapped = load_huggingface_clip(goldens / "hf_clip_tiny"), load_huggingface_clip(folder)
    for one, other in zip(plain.get_weights(), wrapped.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("square", [True, False])
def test_golden_folder_with_sizes_as_lists(folder, square):
    vision = json.loads((folder / "config.json").read_text())["vision_config"]
    size, patch = vision["image_size"], vision["patch_size"]
    sizes = {"image_size": [size, size if square else 2 * size], "patch_size": [patch, patch]}
    edit(folder, vision_config=vision | sizes)
    if square:
        assert load_huggingface_clip(folder).image_size == size
    else:
        refused(folder, "says image_size .*; kclip reads models of square images")


def refused(folder, message):
    with pytest.raises(UserError, match=message) as error:
        load_huggingface_clip(folder)
    assert "\n" not in str(error.value)


def test_a_folder_without_config(tmp_path):
    refused(tmp_path, "holds no config.json")


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_damaged_config(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    refused(tmp_path, "is not valid JSON")


def test_golden_folder_of_another_kind(folder):
    edit(folder, model_type="bert")
    refused(folder, "holds a model of type 'bert'; kclip reads clip, metaclip_2, siglip")


def test_golden_folder_of_another_size(folder):
    dim, width = load_file(folder / "model.safetensors")["visual_projection.weight"].shape
    edit(folder, projection_dim=dim + 1)
    shapes = rf"shape \({dim}, {width}\), .* asks for \({dim + 1}, {width}\)"
    refused(folder, f"'visual_projection.weight' .* {shapes}")


def test_golden_folder_with_another_activation(folder):
    edit(folder, vision_config={"hidden_act": "relu"})
    refused(folder, "uses the activation 'relu'; kclip knows quick_gelu")


def test_golden_folder_without_weights(folder):
    (folder / "model.safetensors").unlink()
    refused(folder, "holds no model.safetensors; download it too")


def test_golden_folder_with_a_tensor_missing(folder):
    tensors = load_file(folder / "model.safetensors")
    del tensors["text_projection.weight"]
    save_file(tensors, folder / "model.safetensors")
    refused(folder, "holds no tensor 'text_projection.weight'")


@pytest.mark.parametrize(
    "extra", ["vision_model.encoder.layers.9.mlp.fc1.bias", "ema.logit_scale", "lora_A.weight"]
)
def test_golden_folder_with_a_tensor_too_many(folder, extra):
    tensors = load_file(folder / "model.safetensors") | {extra: np.zeros(3, "float32")}
    save_file(tensors, folder / "model.safetensors")
    refused(folder, f"holds the tensor '{extra}', for which the model of its config has no place")


def test_golden_folder_with_two_models_in_it(folder):
    tensors = load_file(folder / "model.safetensors")
    both = {f"{side}.{name}": x for side in ("student", "ema") for name, x in tensors.items()}
    save_file(both, folder / "model.safetensors")
    refused(folder, "hold several models .*; keep one's alone")


def test_golden_folder_with_a_tensor_twice(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["module.logit_scale"] = tensors["logit_scale"].copy()
    save_file(tensors, folder / "model.safetensors")
    refused(folder, "hold 'logit_scale' twice")


def test_golden_folder_with_constants_among_its_weights(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["text_model.embeddings.position_ids"] = np.arange(4)[None]
    save_file(tensors, folder / "model.safetensors")
    load_huggingface_clip(folder)


def test_golden_folder_with_quantised_weights(folder):
    tensors = load_file(folder / "model.safetensors")
    name = "text_projection.weight"
    save_file(tensors | {name: tensors[name].astype("int8")}, folder / "model.safetensors")
    refused(folder, "'text_projection.weight' .* holds int8; kclip reads floats")


def test_golden_folder_with_damaged_weights(folder):
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    refused(folder, "model.safetensors' cannot be read .*; download them again")


def test_golden_folder_with_a_damaged_index(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": 3}')
    refused(folder, "is not a valid index")
