import json
from pathlib import Path

import keras_hub
import pytest

from kclip.commands.run_multilabel_benchmark import RunMultilabelBenchmark
from kclip.commands.train_dual_encoder import TrainDualEncoder
from kclip.config.dual_encoder import Optimization
from kclip.config.parsing import from_json, to_json
from kclip.config.presets import PRESETS
from kclip.config.towers import brings_weights
from kclip.errors import UserError
from kclip.models.towers.image_encoder import BACKBONES
from kclip.models.towers.keras_hub_image_encoder import FAMILIES


@pytest.mark.parametrize("preset", PRESETS)
def test_a_config_comes_back_from_json(tmp_path, preset):
    config = TrainDualEncoder(data=Path("records"), **PRESETS[preset])
    (tmp_path / "config.json").write_text(to_json(config))
    assert from_json(TrainDualEncoder, tmp_path / "config.json") == config


def test_unknown_keys_are_errors(tmp_path):
    content = json.loads(to_json(TrainDualEncoder()))
    content["optimization"]["momentum"] = 0.9
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="unknown keys momentum; known are epochs"):
        from_json(TrainDualEncoder, tmp_path / "config.json")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"optimization": {"epochs": "8"}}, "optimization: epochs is '8'; expected a whole number"),
        ({"optimization": {"epochs": 0}}, "optimization: epochs is 0; expected a number from 1"),
        ({"optimization": 8}, "optimization is 8; expected an object of settings"),
        ({"data": 3}, "data is 3; expected a path"),
        ({"template": "a photo"}, "template is 'a photo'; expected a list"),
        ({"image": {"train": "yes"}}, "image: train is 'yes'; expected frozen, head"),
        ({"preset": "huge"}, "preset is 'huge'; expected one of tiny, bert_xception, flickr8k"),
    ],
)
def test_a_value_of_a_wrong_type_is_one_sentence(tmp_path, change, sentence):
    (tmp_path / "config.json").write_text(json.dumps(change))
    with pytest.raises(UserError, match="config.json: ") as raised:
        from_json(TrainDualEncoder, tmp_path / "config.json")
    assert sentence in str(raised.value)


def test_lists_come_back_as_the_tuples_that_they_were(tmp_path):
    command = RunMultilabelBenchmark("model", (Path("a"),), Path("out"), ratios=(0.5, 1))
    (tmp_path / "config.json").write_text(to_json(command))
    assert from_json(RunMultilabelBenchmark, tmp_path / "config.json") == command
    (tmp_path / "config.json").write_text('{"model": "m", "output": "out"}')
    with pytest.raises(UserError, match="config.json lacks data"):
        from_json(RunMultilabelBenchmark, tmp_path / "config.json")


def test_a_missing_or_broken_config_is_named(tmp_path):
    with pytest.raises(UserError, match="there is no .*config.json.*give the folder of a run"):
        from_json(TrainDualEncoder, tmp_path / "config.json")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        from_json(TrainDualEncoder, tmp_path / "config.json")


def test_the_report_preset_has_the_settings_of_its_table_1():
    """Politecnico report, Section 3.2 and Table 1."""
    preset = PRESETS["bert_xception"]
    assert preset["image"].backbone == "xception"
    assert preset["text"].backbone.startswith("bert_base")
    assert preset["objective"].projection_dim == 256
    assert preset["objective"].dropout == 0.1
    assert preset["optimization"] == Optimization(
        epochs=8,
        batch_size=256,
        captions="expand",
        learning_rate=0.001,
        weight_decay=0.001,
        schedule="plateau",
        early_stopping_patience=5,
        plateau_patience=3,
        plateau_factor=0.2,
    )


def test_flags_change_a_preset():
    command = TrainDualEncoder.parse(
        ["--preset", "bert_xception", "--optimization.epochs", "2", "--image.train", "all"]
    )
    preset = PRESETS["bert_xception"]
    assert command.optimization.epochs == 2
    assert command.optimization.batch_size == preset["optimization"].batch_size
    assert command.image.trained and not command.text.trained


@pytest.mark.parametrize("backbone", BACKBONES)
def test_networks_by_name_have_no_weights_of_their_own(backbone):
    assert not brings_weights(backbone, None) and brings_weights(backbone, "weights.h5")


@pytest.mark.parametrize("family", FAMILIES)
def test_presets_bring_their_weights(family):
    for preset in getattr(keras_hub.models, family).presets:
        assert brings_weights(preset, None), preset
