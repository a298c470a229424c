import json
from pathlib import Path

import pytest

from kclip.commands.train_dual_encoder import TrainDualEncoder
from kclip.config.dual_encoder import Optimization
from kclip.config.parsing import from_json, to_json
from kclip.config.presets import PRESETS
from kclip.errors import UserError


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
        ["--preset", "bert_xception", "--optimization.epochs", "2", "--image.train"]
    )
    preset = PRESETS["bert_xception"]
    assert command.optimization.epochs == 2
    assert command.optimization.batch_size == preset["optimization"].batch_size
    assert command.image.train and not command.text.train
