import dataclasses
from pathlib import Path

import keras
import pytest
import small_run

from kclip.commands.train_classifier import TrainClassifier
from kclip.config.classifier import ClassifierSettings
from kclip.training.common.model_card import base_of, settings_of, shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Path("tfrecords/mine"), "mine"),
        ("/home/someone/weights/bert", "bert"),
        ("/home/someone/runs/mine/model", "mine"),
        ("openai/clip-vit-base-patch32", "openai/clip-vit-base-patch32"),
        ("a photo/picture of a {}.", "a photo/picture of a {}."),
        (["a {}", "/home/someone/templates.txt"], "a {}, templates.txt"),
        (None, None),
        (0.5, 0.5),
    ],
)
def test_no_path_of_a_machine_is_shown(value, expected):
    assert shown(value) == expected


def test_a_folder_that_is_there_is_shown_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights/bert").mkdir(parents=True)
    assert shown("weights/bert") == "bert"


def test_settings_are_those_that_are_no_defaults():
    command = small_run.config(Path("tfrecords/mine"), Path("runs/mine"))
    assert settings_of(command) == {
        "image.size": 32,
        "text.backbone": "smallest",
        "text.vocabulary-size": 256,
        "text.sequence-length": 24,
        "objective.projection-dim": 16,
        "optimization.epochs": 2,
        "optimization.batch-size": 8,
        "optimization.seed": 0,
        "backend": keras.backend.backend(),
    }


def test_settings_of_a_classifier_are_called_as_its_flags():
    settings = dataclasses.replace(ClassifierSettings(), size=32, seed=1)
    found = settings_of(TrainClassifier(images=Path("images"), settings=settings))
    assert found == {"size": 32, "seed": 1, "backend": keras.backend.backend()}


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("---\nlicense: mit\n---\n# A model\n", "mit"),
        ("---\nlicense: other\nlicense_name: its-own\n---\n", "its-own"),
        ("# No header\n", None),
        ("---\n[not: yaml\n---\n", None),
        (None, None),
    ],
)
def test_the_licence_is_what_the_card_says(tmp_path, card, expected):
    if card:
        (tmp_path / "README.md").write_text(card)
    base = base_of(str(tmp_path))
    assert (base.name, base.repository, base.license) == (tmp_path.name, None, expected)


def test_bases_by_name():
    assert base_of("owner/name@v1").repository == "owner/name"
    assert base_of("clip_vit_base_patch32").repository is None
    assert base_of("xception", "imagenet").name == "xception (imagenet)"
