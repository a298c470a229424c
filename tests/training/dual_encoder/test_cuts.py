"""Training on what goes into the first trained block is training on images and texts."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest
from small_run import IMAGE, TEXT, write_records
from tiny_clip import write_tiny_clip

from kclip.config.dual_encoder import Objective, Optimization
from kclip.config.towers import ImageTower, TextTower
from kclip.data.pipeline.split_reading import iterate_texts
from kclip.errors import UserError
from kclip.features import FeatureStore
from kclip.losses import ContrastiveLoss
from kclip.models.towers.text_encoder import BERT_SIZES
from kclip.training.dual_encoder import data as training_data
from kclip.training.dual_encoder.building import build_dual_encoder
from kclip.training.dual_encoder.cuts import find_cuts
from kclip.training.dual_encoder.data import cached_data, open_splits, streamed_data
from kclip.training.dual_encoder.fine_tuning import open_start

SETTINGS = Optimization(batch_size=16)
LAST = ImageTower(train="last:1"), TextTower(train="last:1")


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    records = write_records(tmp_path_factory.mktemp("small"))
    return open_splits(records, ("train", "validation"), batch_size=16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    write_tiny_clip(folder)
    return str(folder)


@pytest.fixture
def in_order(monkeypatch):
    """Streamed and cached batches both follow the records."""

    def unshuffled(batches):
        return lambda *args, **options: batches(*args, **{**options, "shuffle": False})

    for batches in (training_data.StreamedBatches, training_data.CachedBatches):
        monkeypatch.setattr(training_data, batches.__name__, unshuffled(batches))


def clip(folder, *towers):
    start = open_start(folder, *towers, Objective(), "float32")
    return start.model, start.preprocessor


def trained(model, data, start):
    """All weights after three steps from the start, and the validation's embeddings."""
    for variable, value in zip(model.variables, start, strict=True):
        variable.assign(value)
    data.model.compile(keras.optimizers.SGD(0.05), ContrastiveLoss())
    for inputs, ids in data.train.dataset().as_numpy_iterator():
        data.model.train_on_batch(inputs, ids)
    return [*model.get_weights(), *data.embed_validation()]


def assert_same_training(model, first, second):
    """Of two ways to feed a model; dropout in trained parts starts from the same state."""
    start, weights = [np.array(variable) for variable in model.variables], model.get_weights()
    ours, theirs = (trained(model, data, start) for data in (first, second))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for variable, before, after in zip(model.weights, weights, ours, strict=False):
        assert variable.trainable or "moving" in variable.name or np.array_equal(before, after)
    assert sum(np.abs(a - b).max() > 1e-3 for a, b in zip(weights, ours, strict=False)) > 9


def test_a_clip_from_its_last_blocks_on(splits, folder, tmp_path, in_order):
    model, preprocessor = clip(folder, *LAST)
    arguments = (model, preprocessor, *splits, SETTINGS)
    cuts = find_cuts(model, preprocessor, splits, *LAST, SETTINGS)
    assert cuts.image is not None and cuts.text is not None
    cached = cached_data(*arguments, FeatureStore.at(tmp_path), cuts=cuts)
    inputs, _ = next(iter(cached.train.dataset()))
    assert {name: x.shape[1:] for name, x in inputs.items()} == {
        "image_features": (17, 24), "text_features": (16, 24), "token_ids": (16,),
    }  # fmt: skip
    assert_same_training(model, cached, streamed_data(*arguments))


def test_a_bert_from_its_last_layer_on(splits, tmp_path, in_order, monkeypatch):
    """With dropout, which the frozen layer has not."""
    size = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}
    monkeypatch.setitem(BERT_SIZES, "smallest", size)
    towers = dataclasses.replace(IMAGE, train="head"), dataclasses.replace(TEXT, train="last:1")
    captions = [caption for _, _, of in iterate_texts(splits[0]) for caption in of]
    objective = Objective(projection_dim=16, standardize=True)
    model, preprocessor = build_dual_encoder(*towers, objective, captions)
    cuts = find_cuts(model, preprocessor, splits, *towers, SETTINGS)
    assert cuts.image is None and cuts.text.kept == ("padding_mask",)
    arguments = (model, preprocessor, *splits, SETTINGS, FeatureStore.at(tmp_path))
    cached, whole = (cached_data(*arguments, cuts=of) for of in (cuts, None))
    assert whole.train.features.text.keys() == {"token_ids", "padding_mask", "segment_ids"}
    assert_same_training(model, cached, whole)
    assert len(list(tmp_path.glob("*.lock"))) == 4  # each way has its own key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"augmentation": "crop"},
            "run in each step: --optimization.augmentation crop",
        ),
        ({"cache_gib": 0.0}, "GiB, above --optimization.cache-gib 0"),
        ({}, "the frozen blocks of the text tower run once"),
    ],
)
def test_it_says_what_runs_how_often(splits, folder, changes, message, caplog):
    caplog.set_level("INFO", "kclip")
    model, preprocessor = clip(folder, *LAST)
    settings = dataclasses.replace(SETTINGS, **changes)
    cuts = find_cuts(model, preprocessor, splits, *LAST, settings)
    assert (cuts.image is None) == (cuts.text is None) == bool(changes)
    assert message in caplog.text


def test_a_disk_without_room_is_named(splits, folder, tmp_path, monkeypatch):
    model, preprocessor = clip(folder, *LAST)
    cuts = find_cuts(model, preprocessor, splits, *LAST, SETTINGS)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**4))
    store = FeatureStore.at(tmp_path / "features")
    with pytest.raises(UserError, match="features would take .* GiB, but the disk of .*/features"):
        cached_data(model, preprocessor, *splits, SETTINGS, store, cuts=cuts)
    assert store.entries() == []
