"""Damage anywhere in what kclip writes and reads again is found, and named."""

import json

import numpy as np
import pytest
from image_files import noise_png
from tiny_models import tiny_dual_encoder, tiny_preprocessor

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.commands.verify_folder import VerifyFolder
from kclip.errors import KclipError, UserError
from kclip.features.store import FeatureStore
from kclip.files.checksums import changed_files, note_checksums
from kclip.models import DualEncoder, DualEncoderPreprocessor


def flip(path, position=-3):
    """Turns one bit of a file over."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    (folder / "images").mkdir()
    (folder / "images/1.png").write_bytes(noise_png(1))
    (folder / "captions.csv").write_text("image,caption\n1.png,noise\n")
    command(folder).run()
    return folder


def command(folder):
    return BuildTFRecords(
        source="csv",
        images=folder / "images",
        captions=folder / "captions.csv",
        output=folder / "out",
        workers=1,
        validation_fraction=0.0,
    )


def test_every_flipped_bit_of_a_build_is_found(build):
    out = build / "out"
    assert VerifyFolder(out).run() == {"builds": 1}
    for path in sorted(p for p in out.rglob("*") if p.is_file() and p.stat().st_size):
        whole = path.read_bytes()
        if path.name == "request.json" or path.suffix == ".npz":  # of the next build alone
            continue
        flip(path, len(whole) // 2)
        found = False
        try:
            VerifyFolder(out).run()
        except KclipError:
            found = True
        assert found, path.name
        path.write_bytes(whole)
    assert VerifyFolder(build).run() == {"builds": 1}


def test_a_build_makes_a_flipped_shard_anew(build):
    shard = next((build / "out").glob("*.tfrecord-*"))
    whole = shard.read_bytes()
    flip(shard)
    command(build).run()
    assert shard.read_bytes() == whole


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "model"
    tiny_dual_encoder().save_to_preset(str(folder))
    tiny_preprocessor().save_to_preset(str(folder))
    note_checksums(folder)
    (folder / "README.md").write_text("a card, which people edit")
    return folder


FILES = ["config.json", "model.weights.h5", "preprocessor.json", "assets/tokenizer/vocabulary.txt"]


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_of_a_model_is_not_worked_with(model, name):
    path = model / name
    whole = path.read_bytes()
    flip(path, len(whole) // 2)
    with pytest.raises(UserError):
        DualEncoder.from_preset(model)
        DualEncoderPreprocessor.from_preset(model)
    with pytest.raises(KclipError, match=f"{name} \\(another checksum\\)"):
        VerifyFolder(model.parent).run()
    path.write_bytes(whole)
    assert VerifyFolder(model.parent).run() == {"folders": 1}
    path.rename(path.with_suffix(".away"))
    with pytest.raises(KclipError, match=f"{name} \\(missing\\)"):
        VerifyFolder(model).run()
    path.with_suffix(".away").rename(path)


def test_kept_features(tmp_path):
    store = FeatureStore(tmp_path)
    folder = store.computed_once("a", lambda new: np.save(new / "x.npy", np.arange(9.0)), {})
    assert VerifyFolder(tmp_path).run() == {"kept features": 1}
    flip(folder / "x.npy")
    with pytest.raises(KclipError, match="1 of what was checked .* another checksum"):
        VerifyFolder(tmp_path).run()


def test_what_has_no_checksums_is_said(tmp_path):
    for folder, message in ((tmp_path / "none", "there is no"), (tmp_path, "holds nothing with")):
        with pytest.raises(UserError, match=message):
            VerifyFolder(folder).run()


def test_files_are_added_to_what_was_noted(tmp_path):
    (tmp_path / "a").write_text("a")
    note_checksums(tmp_path, ["a"], add=True)
    assert not (tmp_path / "checksums.json").exists()
    note_checksums(tmp_path)
    (tmp_path / "b").write_text("b")
    note_checksums(tmp_path, ["b", "c"], add=True)
    assert set(json.loads((tmp_path / "checksums.json").read_text())["sha256"]) == {"a", "b"}
    flip(tmp_path / "b", 0)
    assert changed_files(tmp_path) == {"b": "another checksum"}
    (tmp_path / "checksums.json").write_text('{"sha256": {"../secret": "0"}}')
    with pytest.raises(UserError, match="leads outside"):
        changed_files(tmp_path)
