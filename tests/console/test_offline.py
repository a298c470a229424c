"""Offline nothing connects: what a cache has is served, all else is one sentence."""

import os
import shutil
import socket
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import keras
import keras_hub
import numpy as np
import pytest
from huggingface_hub import constants

import kclip
from kclip.cli import main
from kclip.console.offline import VARIABLE, downloads_of_keras, is_offline, network
from kclip.data.sources import tfds as tfds_source
from kclip.errors import UserError
from kclip.inference.towers import open_image_tower, open_text_tower

COMMIT = "0" * 40
REFUSED = "; run it once without --offline"


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    """Empty caches, and a test that fails where anything looks for the network."""

    def connect(*args, **kwargs):
        pytest.fail(f"the network was asked: {args}")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    monkeypatch.setattr("keras.src.backend.config.keras_home", lambda: str(tmp_path / "keras"))


@pytest.fixture
def offline():
    with network(allowed=False):
        yield


def test_the_setting_ends_with_its_block(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv(VARIABLE, "0")
    with pytest.raises(ValueError), network(allowed=False):
        assert is_offline() and os.environ[VARIABLE] == "1"
        raise ValueError
    assert not is_offline() and os.environ[VARIABLE] == "0"
    with network(allowed=True):
        assert not is_offline()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with network(allowed=True):  # the environment has the last word
        assert is_offline()


@pytest.mark.parametrize(
    "name", ["someone/model", "hf://someone/model@v1", "clip_vit_base_patch32"]
)
def test_a_model_that_no_cache_holds_is_refused(name):
    with pytest.raises(UserError, match=REFUSED) as error:
        kclip.load(name, offline=True)
    assert "\n" not in str(error.value)


def test_towers_that_no_cache_holds_are_refused(offline):
    for name in ("someone/model", "vit_base_patch16_224_imagenet"):
        with pytest.raises(UserError, match=REFUSED):
            open_image_tower(name)
    for name in ("someone/model", "bert_base_en_uncased"):
        with pytest.raises(UserError, match=REFUSED):
            open_text_tower(name)
    with pytest.raises(UserError, match=f"imagenet weights of 'mobilenet'.*{REFUSED}"):
        open_image_tower("mobilenet", weights="imagenet")


def test_a_model_of_kclip_comes_from_the_cache(tmp_path, example_files):
    cached = tmp_path / "hf/models--someone--model"
    shutil.copytree("runs/demo/model", cached / "snapshots" / COMMIT)
    (cached / "refs").mkdir()
    (cached / "refs/main").write_text(COMMIT)
    model, _, tokenize = kclip.load("someone/model", offline=True)
    assert model.encode_text(tokenize(["a red circle"])).shape == (1, 128)


def test_a_preset_comes_from_the_cache(tmp_path, offline):
    handle = keras_hub.models.ViTBackbone.presets["vit_base_patch16_224_imagenet"]["kaggle_handle"]
    folder = tmp_path / "kaggle/models" / handle.removeprefix("kaggle://")
    sizes = {"patch_size": 8, "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 16}
    keras_hub.models.ViTBackbone((16, 16, 3), **sizes).save_to_preset(str(folder))
    keras_hub.layers.ViTImageConverter(image_size=(16, 16), scale=0.1).save_to_preset(str(folder))
    opened = open_image_tower("vit_base_patch16_224_imagenet")
    assert opened.encoder.image_size == 16
    pixels = np.zeros((1, 16, 16, 3), "float32")
    assert np.isfinite(np.asarray(opened.encoder(pixels))).all()


def test_keras_downloads_are_refused_and_its_cache_is_read(tmp_path, offline):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/here.txt").write_text("here")
    before = urllib.request._opener
    with downloads_of_keras("the weights"):
        path = keras.utils.get_file("here.txt", "https://nowhere.test/x", cache_dir=tmp_path)
        assert Path(path).read_text() == "here"
        with pytest.raises(UserError, match=f"the weights: not in Keras' cache{REFUSED}"):
            keras.utils.get_file("there.txt", "https://nowhere.test/x", cache_dir=tmp_path)
    assert urllib.request._opener is before


def test_data_sets_of_tfds_are_not_downloaded(monkeypatch, offline):
    import tensorflow_datasets as tfds

    builder = SimpleNamespace(is_prepared=lambda: False, data_dir="data")
    monkeypatch.setattr(tfds, "builder", lambda *args, **kwargs: builder)
    with pytest.raises(UserError, match=f"has not prepared 'cifar10' in data{REFUSED}"):
        tfds_source._open_builder("cifar10", None)


def test_every_command_takes_the_flag(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        flags = ["--model", "someone/model", "--output", str(tmp_path / "out"), "--offline"]
        main("export_model", flags)
    assert stopped.value.code == 2
    assert REFUSED in capsys.readouterr().err
    assert not is_offline()
