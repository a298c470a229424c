import json
import os
import shutil

import keras
import keras_hub
import pytest
from tiny_models import tiny_dual_encoder, tiny_preprocessor

from kclip.errors import UserError
from kclip.models import DualEncoder, DualEncoderPreprocessor
from kclip.models.folder.checks import check_model_folder

LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"function": {"class_name": "__lambda__", "config": {"value": ["code", None, None]}}},
    "registered_name": None,
}
SYSTEM = {"module": "os", "class_name": "system", "config": "echo", "registered_name": None}


def named(class_name, registered_name, module="kclip.models"):
    return {
        "module": module,
        "class_name": class_name,
        "config": {},
        "registered_name": registered_name,
    }


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    tiny_dual_encoder().save_to_preset(str(folder))
    tiny_preprocessor().save_to_preset(str(folder))
    return folder


@pytest.fixture
def folder(good, tmp_path):
    """A copy of a good model folder, to be spoilt."""
    return shutil.copytree(good, tmp_path / "model")


@pytest.fixture
def built(monkeypatch):
    """Notes whatever is handed to Keras' deserialiser."""
    calls = []
    original = keras.saving.deserialize_keras_object

    def deserialize(*args, **kwargs):
        calls.append(args)
        return original(*args, **kwargs)

    monkeypatch.setattr(keras.saving, "deserialize_keras_object", deserialize)
    return calls


def edit(path, change):
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def refused(folder, message):
    with pytest.raises(UserError, match=message) as error:
        DualEncoder.from_preset(str(folder))
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2


def test_a_good_folder_passes(good, built):
    check_model_folder(good)
    assert DualEncoder.from_preset(good).projection_dim == 12
    assert DualEncoderPreprocessor.from_preset(good).side == 32
    assert built


def test_what_cannot_be_looked_at_first_is_not_loaded():
    with pytest.raises(UserError, match="lies on a hub.*download the folder"):
        DualEncoder.from_preset("hf://someone/model")


PLACES = {
    "tower": ("config.json", lambda config, value: config["config"].update(image_encoder=value)),
    "nested": (
        "config.json",
        lambda config, value: config["config"]["text_encoder"]["config"].update(
            dropout={"a": [0.1, [{"b": value}]]}
        ),
    ),
    "dtype": ("config.json", lambda config, value: config["config"].update(dtype=value)),
    "compile": ("config.json", lambda config, value: config.update(compile_config=value)),
    "tokenizer": (
        "preprocessor.json",
        lambda config, value: config["config"].update(tokenizer=value),
    ),
    "tokenizer_file": (
        "tokenizer.json",
        lambda config, value: config["config"].update(split=value),
    ),
    "task_file": ("task.json", lambda config, value: config.update(backbone=value)),
}
CLASSES = {
    "lambda": LAMBDA,
    "bare_lambda": {"class_name": "__lambda__", "config": {"value": ["code", None, None]}},
    "os": SYSTEM,
    "keras_layer": named("Dense", None, "keras.layers"),
    "keras_function": named("function", "load_model", "builtins"),
    "another_policy": named("DTypePolicyMap", None, "keras"),
    "other_registered_class": named("BertTokenizer", "keras_hub>BertBackbone"),
    "swapped_registered_class": named("ImageEncoder", "kclip>TextEncoder"),
    "lambda_as_encoder": named("Lambda", "kclip>ImageEncoder", "keras.layers"),
    "encoder_without_registration": named("ImageEncoder", None, "os"),
    "policy_of_another_module": named("DTypePolicy", "keras>DTypePolicy", "os"),
    "list_as_name": named("ImageEncoder", ["kclip>ImageEncoder"]),
    "empty_name": named("ImageEncoder", "", "keras.layers"),
    "no_class_name_string": named({"class_name": "Lambda"}, None),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_file_and_no_depth_hides_a_class(folder, built, place):
    file, put = PLACES[place]
    if not (folder / file).exists():
        (folder / file).write_text("{}")
    edit(folder / file, lambda config: put(config, SYSTEM))
    refused(folder, f"{file}' names the class 'os.system', which a kclip model has no use for")
    with pytest.raises(UserError, match="os.system"):
        DualEncoderPreprocessor.from_preset(str(folder))
    assert not built


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_outside_the_list_is_refused(folder, built, name):
    _, put = PLACES["nested"]
    edit(folder / "config.json", lambda config: put(config, CLASSES[name]))
    refused(folder, "names the class .* which a kclip model has no use for")
    assert not built


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (
            {"registered_name": "keras_hub>BertBackbone", "class_name": "BertBackbone"},
            "BertBackbone",
        ),
        ({"model_type": "bert", "hidden_size": 32}, "bert"),
        (
            {"module": "keras", "class_name": "Sequential", "registered_name": None},
            "something else",
        ),
        ({}, "something else"),
        ([1, 2], "something else"),
    ],
)
def test_a_folder_of_another_kind_is_refused(tmp_path, built, config, found):
    (tmp_path / "config.json").write_text(json.dumps(config))
    refused(tmp_path, f"holds .*{found}, not a kclip dual encoder; give the model/ folder")
    assert not built


def test_a_keras_hub_model_is_refused(tmp_path, built):
    bert = keras_hub.models.BertBackbone(20, 1, 2, 8, 16, max_sequence_length=8)
    bert.save_to_preset(str(tmp_path))
    refused(tmp_path, "holds keras_hub>BertBackbone, not a kclip dual encoder")
    assert not built


def test_a_missing_folder_is_named(tmp_path):
    refused(tmp_path / "none", "there is no model folder .*none.*; give the model/ folder")


def test_a_folder_without_config_is_named(tmp_path):
    refused(tmp_path, "holds no config.json, so it is no model folder")


@pytest.mark.parametrize(
    "text", ["{", "", "\x00\x01", "[" * 100_000], ids="open empty bin deep".split()
)
def test_invalid_json_is_named(folder, built, text):
    (folder / "config.json").write_text(text)
    refused(folder, "config.json' is not valid JSON")
    assert not built


def pooled_by_cls(config):
    config["config"]["text_encoder"]["config"].update(pooling="cls")


def weights_of(model, folder, scratch):
    model.save_to_preset(str(scratch))
    os.replace(scratch / "model.weights.h5", folder / "model.weights.h5")


def test_damaged_weights_are_refused(folder):
    path = folder / "model.weights.h5"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(folder, "the weights .* cannot be read .*; copy them again")


def test_missing_weights_are_refused(folder):
    (folder / "model.weights.h5").unlink()
    refused(folder, "there are no weights .*; copy the folder again, whole")


@pytest.mark.parametrize(
    "other",
    [{"projection_dim": 16}, {"pooling": "mean"}],
    ids=["other_shapes", "fewer_layers"],
)
def test_weights_of_another_model_are_refused(folder, tmp_path, other):
    weights_of(tiny_dual_encoder(**other), folder, tmp_path / "other")
    if "pooling" in other:  # the model then has a layer that the file knows nothing of
        edit(folder / "config.json", pooled_by_cls)
    refused(folder, "cannot be loaded .*; its files are damaged or do not belong together")


def broken(key, value):
    return lambda config: config["config"].update({key: value})


@pytest.mark.parametrize(
    "change",
    [
        broken("projection_dim", "wide"),
        broken("image_encoder", "small_cnn"),
        broken("image_encoder", {"backbone": "small_cnn"}),
        broken("dropout", 7),
        lambda config: config.pop("config"),
        lambda config: config["config"].pop("text_encoder"),
        lambda config: config["config"]["image_encoder"]["config"].update(backbone="alexnet"),
        lambda config: config["config"]["image_encoder"]["config"].update(pooling="max"),
    ],
    ids="number tower half_tower range empty missing backbone pooling".split(),
)
def test_a_config_that_makes_no_sense_is_one_sentence(folder, change):
    edit(folder / "config.json", change)
    refused(folder, "cannot be loaded|there is no image backbone 'alexnet'")


@pytest.mark.parametrize("file", ["preprocessor.json", "assets/tokenizer/vocabulary.txt"])
def test_a_folder_without_its_preprocessor_is_refused(folder, file):
    (folder / file).unlink()
    with pytest.raises(UserError, match="cannot be loaded"):
        DualEncoderPreprocessor.from_preset(str(folder))
