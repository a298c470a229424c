import dataclasses

import numpy as np
import pytest
from fake_embedder import FakeEmbedder

from kclip.errors import UserError
from kclip.zero_shot.saved_classifier import (
    load_classifier,
    load_or_build_classifier,
    save_classifier,
)

CLASSES = {"rosso": ("red", "crimson"), "blu": ("blue",)}
TEMPLATES = ["a {}.", "one {}"]


class Counter(FakeEmbedder):
    num_texts = 0

    def embed_texts(self, texts, batch_size=256):
        self.num_texts += len(texts)
        return super().embed_texts(texts)


def test_it_is_built_once(tmp_path):
    embedder = Counter()
    first = load_or_build_classifier(tmp_path / "c.npz", embedder, CLASSES, TEMPLATES)
    second = load_or_build_classifier(tmp_path / "c.npz", embedder, CLASSES, TEMPLATES)
    assert embedder.num_texts == 6  # three names in two templates
    np.testing.assert_array_equal(first.class_embeddings, second.class_embeddings)
    assert second.class_names == ("red", "blue")
    assert second.logit_scale == first.logit_scale


@pytest.mark.parametrize("change", ["model", "template", "synonym"])
def test_a_stale_file_is_not_used(tmp_path, change):
    load_or_build_classifier(tmp_path / "c.npz", Counter(), CLASSES, TEMPLATES)
    embedder = Counter("another" if change == "model" else "c0ffee")
    classes = CLASSES | ({"blu": ("blue", "azure")} if change == "synonym" else {})
    templates = ["the {}", "one {}"] if change == "template" else TEMPLATES
    load_or_build_classifier(tmp_path / "c.npz", embedder, classes, templates)
    assert embedder.num_texts > 0


def test_the_temperature_is_saved(tmp_path):
    embedder = FakeEmbedder()
    classifier = load_or_build_classifier(tmp_path / "c.npz", embedder, CLASSES, TEMPLATES)
    images = embedder.embed_texts(["red", "blue", "red"])
    calibrated = classifier.calibrated(np.array([0, 1, 1]), images)
    save_classifier(tmp_path / "c.npz", calibrated, embedder.digest, CLASSES, TEMPLATES)
    loaded = load_classifier(tmp_path / "c.npz", embedder)
    assert loaded.temperature == calibrated.temperature != 1
    np.testing.assert_array_equal(
        loaded.predict_probabilities(images), calibrated.predict_probabilities(images)
    )


def test_a_file_of_another_model_is_refused(tmp_path):
    load_or_build_classifier(tmp_path / "c.npz", FakeEmbedder(), CLASSES, TEMPLATES)
    with pytest.raises(UserError, match="made with another model"):
        load_classifier(tmp_path / "c.npz", FakeEmbedder("another"))


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 half of a file"])
def test_a_missing_or_damaged_file(tmp_path, content):
    if content is not None:
        (tmp_path / "c.npz").write_bytes(content)
    with pytest.raises(UserError, match="is no saved classifier"):
        load_classifier(tmp_path / "c.npz", FakeEmbedder())
    load_or_build_classifier(tmp_path / "c.npz", FakeEmbedder(), CLASSES, TEMPLATES)
    load_classifier(tmp_path / "c.npz", FakeEmbedder())


def test_a_pickle_is_not_opened(tmp_path):
    np.savez(tmp_path / "c.npz", class_names=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match="is no saved classifier"):
        load_classifier(tmp_path / "c.npz", FakeEmbedder())


def test_a_run_without_calibration_leaves_no_earlier_temperature(tmp_path):
    path, embedder = tmp_path / "c.npz", FakeEmbedder()
    first = load_or_build_classifier(path, embedder, CLASSES, TEMPLATES)
    calibrated = dataclasses.replace(first, temperature=2.5)
    save_classifier(path, calibrated, embedder.digest, CLASSES, TEMPLATES)
    assert load_classifier(path, embedder).temperature == 2.5
    assert load_or_build_classifier(path, embedder, CLASSES, TEMPLATES).temperature == 1.0
    assert load_classifier(path, embedder).temperature == 1.0
