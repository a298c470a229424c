"""Folders made to reach out of themselves, or to take all memory: each is one sentence."""

import json
import os
import re
import shutil
from pathlib import Path

import h5py
import keras_hub
import numpy as np
import pytest
from tiny_models import VOCABULARY, tiny_dual_encoder, tiny_preprocessor

import kclip
from kclip.errors import UserError
from kclip.losses import ContrastiveLoss
from kclip.models import DualEncoder, DualEncoderPreprocessor
from kclip.models.folder.own_files import check_files
from kclip.models.folder.weights_files import StoredWeights, file_weights, folder_weights
from kclip.models.pretrained.text_towers import load_text_encoder

KCLIP = Path(kclip.__file__).parent


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    tiny_dual_encoder().save_to_preset(str(folder))
    tiny_preprocessor().save_to_preset(str(folder))
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A text tower as KerasHub keeps it."""
    folder = tmp_path_factory.mktemp("bert")
    sizes = dict(num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)
    keras_hub.models.BertBackbone(len(VOCABULARY), **sizes).save_to_preset(str(folder))
    keras_hub.models.BertTokenizer(VOCABULARY).save_to_preset(str(folder))
    return folder


@pytest.fixture
def folder(good, tmp_path):
    return shutil.copytree(good, tmp_path / "model")


@pytest.fixture
def text_folder(bert, tmp_path):
    return shutil.copytree(bert, tmp_path / "bert")


def edit(path, change):
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def refused(load, folder, message):
    with pytest.raises(UserError, match=message) as error:
        load(str(folder))
    assert "\n" not in str(error.value)


def test_one_gate_leads_to_keras_hub():
    """Whoever adds a call of `from_preset` sends it through the gate, too."""
    calls = {}
    for path in KCLIP.rglob("*.py"):
        found = re.findall(r"[\w)\]]+(?=\.from_preset\()", path.read_text(encoding="utf-8"))
        others = set(found) - {"CLIP", "DualEncoder", "ImageClassifier", "MultiLabelClassifier"}
        others -= {"CLIPBackbone"}  # in an example
        others -= {"ClipPreprocessor", "DualEncoderPreprocessor", "preprocessor_class"}
        if others and "export/readme" not in path.as_posix():
            calls[path.relative_to(KCLIP).as_posix()] = others
    assert calls == {"models/folder/presets.py": {"part_class"}}


def secret_words(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("\n".join(VOCABULARY))
    return str(path)


def test_a_tokenizer_opens_no_file_of_its_configs_choice(text_folder, tmp_path):
    inner = {
        "module": "keras_hub.models",
        "class_name": "BertTokenizer",
        "config": {"vocabulary": secret_words(tmp_path)},
        "registered_name": "keras_hub>BertTokenizer",
    }
    path = text_folder / "tokenizer.json"
    edit(path, lambda config: config["config"].update(special_tokens=inner))
    refused(load_text_encoder, text_folder, "has a keras_hub>BertTokenizer as its special_tokens")
    edit(path, lambda config: config["config"].update(special_tokens=None))
    load_text_encoder(str(text_folder))
    edit(path, lambda config: config["config"].update(vocabulary=inner["config"]["vocabulary"]))
    refused(load_text_encoder, text_folder, "says vocabulary '.*secret.txt'.*nothing outside of it")


def test_no_config_compiles_by_itself(text_folder, folder):
    key, hostile = "compile_config", {"compile_config": {"optimizer": "adam"}}
    edit(text_folder / "config.json", lambda config: config.update(hostile))
    refused(load_text_encoder, text_folder, f"has {key} beside its config.json")
    edit(folder / "config.json", lambda config: config["config"]["image_encoder"].update(hostile))
    refused(DualEncoder.from_preset, folder, f"has {key} beside its image_encoder")


@pytest.mark.parametrize("weights", ["imagenet", "/tmp/weights.h5", "../other"])
def test_a_config_names_no_weights(folder, weights):
    def put(config):
        config["config"]["image_encoder"]["config"]["weights"] = weights

    edit(folder / "config.json", put)
    refused(DualEncoder.from_preset, folder, f"says weights '{weights}'.*nothing outside of itself")


def test_a_class_stands_where_it_belongs(folder):
    def swap(config):
        config["config"]["image_encoder"] = config["config"]["text_encoder"]

    edit(folder / "config.json", swap)
    refused(DualEncoder.from_preset, folder, "a kclip>TextEncoder as its image_encoder")


def tower(name, **values):
    return lambda config: config["config"][name]["config"].update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (tower("text_encoder", num_layers=10**7), "more weights than the"),
        (tower("text_encoder", vocabulary_size=10**9), "more weights than the"),
        (tower("text_encoder", hidden_dim=10**6, intermediate_dim=10**6), "more weights than the"),
        (tower("image_encoder", image_size=10**6), "says image_size 1000000; 4,096 is the most"),
        (tower("text_encoder", vocabulary_size=10**30), "vocabulary_size .* is the most"),
        (tower("text_encoder", num_layers=0), "floats, but the model of its config has places for"),
        (
            tower("text_encoder", num_layers=-1),
            "floats, but the model of its config has places for",
        ),
        (tower("text_encoder", dtype="float8_e4m3fn"), "says dtype 'float8_e4m3fn'; expected one"),
    ],
)
def test_sizes_are_checked_before_memory_is_taken(folder, change, message):
    edit(folder / "config.json", change)
    refused(DualEncoder.from_preset, folder, message)


def test_preprocessors_are_of_a_size(folder):
    edit(folder / "preprocessor.json", lambda c: c["config"].update(sequence_length=10**9))
    refused(DualEncoderPreprocessor.from_preset, folder, "sequence_length 1000000000; 8,192 is")


VALUES = np.ones((3, 4), np.float32)


def external_link(file, other):
    file["layer/vars/0"] = h5py.ExternalLink(other, "/values")


def soft_link(file, other):
    file["elsewhere"] = VALUES
    file["layer/vars/0"] = h5py.SoftLink("/elsewhere")


def external_storage(file, other):
    Path(other).write_bytes(VALUES.tobytes())
    place = [(other, 0, VALUES.nbytes)]
    file.create_dataset("layer/vars/0", VALUES.shape, VALUES.dtype, external=place)


def virtual(file, other):
    layout = h5py.VirtualLayout(VALUES.shape, VALUES.dtype)
    layout[:] = h5py.VirtualSource(other, "values", VALUES.shape)
    file.create_virtual_dataset("layer/vars/0", layout)


def foreign_filter(file, other):
    file.create_dataset("layer/vars/0", data=VALUES, chunks=True, compression="lzf")


def hollow(file, other):
    file.create_dataset("layer/vars/0", (10**6, 10**6), "float32", chunks=(64, 64), fillvalue=1)


def circle(file, other):
    file["layer/vars/0"] = file["/"]


def words(file, other):
    file["layer/vars/0"] = ["a", "b"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (external_link, "is a link, and may lead out of the file"),
        (soft_link, "is a link, and may lead out of the file"),
        (external_storage, "keeps its values in another file"),
        (virtual, "keeps its values in another file"),
        (foreign_filter, "packed by the filter 32000, not HDF5's own"),
        (hollow, "declares 4,000,000,000,000 bytes of values, and the file holds 0"),
        (circle, "is there twice, and may hold itself"),
        (words, "holds object, no numbers"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_weights_are_looked_through(tmp_path, spoil, message):
    with h5py.File(tmp_path / "other.h5", "w") as outside:
        outside["values"] = VALUES
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        file["whole"] = VALUES
        spoil(file, str(tmp_path / "other.h5"))
    refused(folder_weights, tmp_path, f"/layer/vars/0 in .* {message}")


def test_sound_weights_are_counted(folder, tmp_path):
    stored, model = folder_weights(folder), DualEncoder.from_preset(folder)
    assert stored.numbers == sum(np.size(value) for value in model.get_weights())
    with h5py.File(tmp_path / "packed.h5", "w") as file:
        file.create_dataset("a", data=np.ones(10**5), compression="gzip", shuffle=True)
        file["b"] = np.arange(3)
    assert file_weights(tmp_path / "packed.h5") == StoredWeights(10**5 + 3, 2, 10**5, ("/b",))
    (tmp_path / "packed.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(300))
    refused(file_weights, tmp_path / "packed.h5", "cannot be read")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "kernel' in .* holds NaN, so that the model would answer nothing"),
        (-np.inf, "kernel' in .* holds infinity"),
        (None, "hold whole numbers, such as '.*kernel"),
    ],
)
def test_weights_are_numbers_and_floats(folder, value, message):
    with h5py.File(folder / "model.weights.h5", "r+") as file:
        names = []
        file.visititems(lambda name, x: names.append(name) if getattr(x, "ndim", 0) > 1 else None)
        array = file[names[0]][:]
        del file[names[0]]
        array.flat[-1] = value or 0
        file[names[0]] = array.astype(np.int8) if value is None else array
    refused(DualEncoder.from_preset, folder, message.replace(".*kernel", ".*vars/0"))


@pytest.mark.parametrize("part", ["../weights.h5", "/etc/passwd", "x.keras", 3])
def test_parts_of_weights_lie_beside_their_list(folder, part):
    (folder / "model.weights.h5").unlink()
    (folder / "model.weights.json").write_text(json.dumps({"weight_map": {"/a": part}}))
    refused(folder_weights, folder, "names the part .*; parts lie beside it")


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "assets/tokenizer/vocab.txt"])
def test_files_lie_in_the_folder_and_are_files(folder, tmp_path, name):
    outside = tmp_path / "outside"
    shutil.move(folder / "config.json", outside) if name == "config.json" else outside.touch()
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(outside)
    refused(DualEncoder.from_preset, folder, f"'{name}' in the model folder .* leads out of it")
    if name != "config.json":  # which is read first, to know what the folder is
        (folder / name).unlink()
        os.mkfifo(folder / name)
        refused(DualEncoder.from_preset, folder, f"'{name}' in the model folder .* is no file")


def test_links_of_hugging_faces_cache_are_followed(good, tmp_path):
    snapshot = tmp_path / "models--a--b/snapshots/1"
    blobs = tmp_path / "models--a--b/blobs"
    shutil.copytree(good, snapshot)
    blobs.mkdir()
    shutil.move(snapshot / "model.weights.h5", blobs / "abc")
    (snapshot / "model.weights.h5").symlink_to("../../blobs/abc")
    check_files(snapshot)


def test_the_state_of_an_optimizer_is_no_weight(tmp_path):
    model = tiny_dual_encoder()
    model.compile("adam", ContrastiveLoss())
    model.optimizer.build(model.trainable_variables)
    model.save_to_preset(str(tmp_path))
    model.save_weights(tmp_path / "model.weights.h5")  # Keras' own way keeps the state
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert "optimizer" in file
    assert DualEncoder.from_preset(tmp_path).count_params() == model.count_params()
