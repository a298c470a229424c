import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from decoder_run import HEAD, SEEN, TOWER, write_dual_encoder
from tiny_clip import SIZE, write_tiny_clip

from kclip.models import MultiLabelClassifier
from kclip.multilabel.class_split import ClassSplit
from kclip.training.clip_decoder.report import save_decoder
from kclip.training.clip_decoder.towers import build_classifier, interpolate_alignment, open_towers


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    folder = write_dual_encoder(tmp_path_factory.mktemp("models") / "dual")
    return open_towers(str(folder), TOWER, None, ["a {}"], "float32")


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_alignment_goes_that_share_of_its_way(towers, share):
    model = build_classifier(towers, SEEN, HEAD, align=True, dtype="float32")
    start = model.alignment.get_weights()
    model.alignment.set_weights([weight + 4.0 for weight in start])
    interpolate_alignment(model, towers, share)
    for ours, weight in zip(model.alignment.get_weights(), start, strict=True):
        np.testing.assert_allclose(ours, weight + 4.0 * share, atol=1e-5)


def test_without_a_dual_encoder_the_trained_weights_stay(towers):
    model = build_classifier(towers, SEEN, HEAD, align=True, dtype="float32")
    trained = [weight + 1.0 for weight in model.alignment.get_weights()]
    model.alignment.set_weights(trained)
    interpolate_alignment(model, dataclasses.replace(towers, dual_encoder=None), 0.0)
    for ours, weight in zip(model.alignment.get_weights(), trained, strict=True):
        np.testing.assert_array_equal(ours, weight)


@pytest.mark.slow
def test_adapters_are_saved_as_weights(tmp_path):
    write_tiny_clip(tmp_path / "clip")
    tower = dataclasses.replace(TOWER, backbone=str(tmp_path / "clip"), size=None, train="lora:2")
    head = dataclasses.replace(HEAD, kind="full")
    towers = open_towers(None, tower, None, [], "float32")
    model = build_classifier(towers, SEEN, head, align=False, dtype="float32")
    adapters = model.image_encoder.trainable_variables
    assert len(adapters) == 4  # two in each block
    for number, variable in enumerate(adapters):
        noise = np.random.default_rng(number).normal(0, 0.3, variable.shape)
        variable.assign(np.array(variable) + noise)
    images = np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE, 3)).astype("float32")
    expected = model.predict_logits(images)
    card = SimpleNamespace(text=lambda: "")
    save_decoder(model, ClassSplit(tuple(SEEN)), None, [], card, tmp_path / "model")
    found = MultiLabelClassifier.from_preset(tmp_path / "model")
    np.testing.assert_allclose(found.predict_logits(images), expected, atol=1e-4)
