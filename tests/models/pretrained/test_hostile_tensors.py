"""Folders of Hugging Face whose numbers and tensors do not fit, or reach out: one sentence each."""

import json
import shutil

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kclip.errors import UserError
from kclip.models.pretrained.huggingface_clip import load_huggingface_clip
from kclip.models.pretrained.huggingface_text import load_huggingface_text_encoder
from kclip.models.pretrained.huggingface_vit import load_huggingface_vit
from kclip.models.pretrained.safetensors_folder import SafetensorsFolder

LOADERS = {
    "hf_bert_tiny": load_huggingface_text_encoder,
    "hf_clip_tiny": load_huggingface_clip,
    "hf_vit_tiny": load_huggingface_vit,
}


@pytest.fixture(params=LOADERS)
def folder(request, goldens, tmp_path):
    return shutil.copytree(goldens / request.param, tmp_path / request.param)


def refused(folder, message):
    with pytest.raises(UserError, match=message) as error:
        LOADERS[folder.name](folder)
    assert "\n" not in str(error.value)


def set_numbers(folder, **numbers):
    config = json.loads((folder / "config.json").read_text())
    for part in (config, config.get("text_config") or {}):
        part.update({name: value for name, value in numbers.items() if name in part})
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("layers", [0, -1, 10**7, "3", None, 1.5, [2], 1e300])
def test_the_number_of_layers_is_that_of_the_weights(folder, layers):
    set_numbers(folder, num_hidden_layers=layers)
    refused(folder, "; ")


def test_no_memory_is_taken_for_what_the_file_does_not_hold(folder):
    set_numbers(folder, hidden_size=10**6, intermediate_size=10**6, vocab_size=10**9)
    refused(folder, "more weights than the|no model can be built|no place|has the shape")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_a_weight_that_is_no_number_is_named(tmp_path, value, dtype):
    array = np.ones((2, 3), dtype)
    array[1, 2] = value
    save_file({"norm.weight": array}, tmp_path / "model.safetensors")
    with SafetensorsFolder(tmp_path) as tensors:
        with pytest.raises(UserError, match="the weight 'norm.weight' in .* holds (NaN|infinity)"):
            tensors.read("norm.weight", (2, 3))


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", 3, "a\0b"])
def test_an_index_names_files_beside_it(goldens, tmp_path, name):
    shutil.copy(goldens / "hf_bert_tiny/model.safetensors", tmp_path)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(UserError, match="leads out of it|is not a valid index"):
        SafetensorsFolder(folder)


def test_weights_are_no_link_out_of_the_folder(goldens, tmp_path):
    (tmp_path / "model.safetensors").symlink_to(goldens / "hf_bert_tiny/model.safetensors")
    with pytest.raises(UserError, match="leads out of it; copy the file itself"):
        SafetensorsFolder(tmp_path)


def spoilt_header(data, change):
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: (2**63).to_bytes(8, "little") + data[8:],
        lambda data: data[:5],
        lambda data: spoilt_header(data, lambda h: h["a"].update(data_offsets=[0, 10**12])),
        lambda data: spoilt_header(data, lambda h: h["a"].update(data_offsets=[-4, 20])),
        lambda data: spoilt_header(data, lambda h: h["a"].update(shape=[2**40, 2**40])),
        lambda data: spoilt_header(data, lambda h: h["a"].update(dtype="F4096")),
        lambda data: spoilt_header(data, lambda h: h.update(b=h["a"])),
    ],
    ids="length short beyond negative shape dtype overlap".split(),
)
def test_a_header_that_does_not_fit_its_file(tmp_path, spoil):
    path = tmp_path / "model.safetensors"
    save_file({"a": np.arange(6, dtype=np.float32)}, path)
    assert load_file(path)["a"].tolist() == [0, 1, 2, 3, 4, 5]
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UserError, match="cannot be read"):
        with SafetensorsFolder(tmp_path) as tensors:
            tensors.read("a", (6,))
