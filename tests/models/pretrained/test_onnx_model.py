"""An ONNX export gives what the model gave that it was made from."""

import io
import json
import shutil
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_clip import TEXTS as CLIP_TEXTS
from tiny_clip import tiny_clip, tiny_clip_preprocessor
from tiny_models import TEXTS, randomize, tiny_dual_encoder, tiny_preprocessor

import kclip
from kclip.errors import UserError
from kclip.export.folder import export_model
from kclip.inference.embedder import Embedder
from kclip.inference.loading import refuse_export
from kclip.models import DualEncoder

pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="exports are written by TensorFlow"
)


def dual_encoder(mirror=False):
    model = tiny_dual_encoder(standardize=True, initial_bias=-3.0)
    randomize(model)
    return Embedder(model, tiny_preprocessor(mirror=mirror)), TEXTS


def clip(architecture):
    return Embedder(tiny_clip(architecture), tiny_clip_preprocessor(architecture)), CLIP_TEXTS


SOURCES = {
    "dual encoder": dual_encoder,
    "clip": lambda: clip("clip"),
    "siglip": lambda: clip("siglip"),
}


def encoded(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype="uint8")
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "mirrored"
    embedder = dual_encoder(mirror=True)[0]
    export_model(embedder, folder, ["onnx"], "a tiny model")
    return embedder, folder


@pytest.mark.parametrize("kind", SOURCES)
def test_the_same_calls_give_the_same_probabilities(kind, tmp_path):
    embedder, texts = SOURCES[kind]()
    export_model(embedder, tmp_path / "export", ["onnx"], "a tiny model")
    model, preprocess, tokenize = kclip.load(tmp_path / "export")
    images = np.stack([preprocess(encoded(seed)) for seed in range(3)])
    tokens = tokenize(texts)
    expected = embedder.model.predict_probabilities(images, tokens)
    assert np.ptp(expected) > 0.01  # they say something
    np.testing.assert_allclose(model.predict_probabilities(images, tokens), expected, atol=1e-4)
    one = model.predict_probabilities(images[:1], tokens)
    np.testing.assert_allclose(one, expected[:1], atol=1e-4)
    expected = embedder.model.logits_per_image(images, tokens)
    np.testing.assert_allclose(model.logits_per_image(images, tokens), expected, atol=1e-3)


def test_an_embedder_takes_it_and_mirrors_no_image_twice(exported):
    embedder, folder = exported
    fast = Embedder.from_name(folder)
    files = [encoded(seed) for seed in range(3)]
    found, expected = (e.embed_images(files, progress=False) for e in (fast, embedder))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(fast.embed_texts(TEXTS), embedder.embed_texts(TEXTS), atol=1e-5)
    assert fast.logit_scale == pytest.approx(embedder.logit_scale)


def test_the_digest_is_of_the_model_that_was_exported(exported):
    embedder, folder = exported
    assert Embedder.from_name(folder).digest == embedder.digest


def test_the_digest_of_an_older_export_is_of_its_files_and_settings(exported, tmp_path):
    embedder, folder = exported
    folder = shutil.copytree(folder, tmp_path / "older")
    (folder / "checksums.json").unlink()
    path = folder / "export.json"
    settings = json.loads(path.read_text())
    del settings["digest"]
    path.write_text(json.dumps(settings))
    digest = Embedder.from_name(folder).digest
    assert digest == Embedder.from_name(folder).digest != embedder.digest
    path.write_text(path.read_text().replace("a tiny model", "another model"))
    assert Embedder.from_name(folder).digest != digest


def test_what_needs_layers_is_told_so(exported, tmp_path):
    _, folder = exported
    with pytest.raises(UserError, match=r"is an export, which only embeds .* made from$"):
        refuse_export(folder)
    refuse_export(tmp_path)
    refuse_export("clip_vit_base_patch32")
    with pytest.raises(UserError, match="float32; it cannot be mixed_float16"):
        kclip.load(folder, "mixed_float16")
    assert not isinstance(kclip.load(folder)[0], DualEncoder)


def test_without_onnxruntime_pips_command_is_given(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r'run: pip install "keras-clip\[export\]"$'):
        kclip.load(exported[1])


def test_an_export_of_other_forms_cannot_be_run(tmp_path):
    embedder, _ = dual_encoder()
    export_model(embedder, tmp_path / "export", ["saved_model"], "a tiny model")
    with pytest.raises(UserError, match="image_tower.onnx' is not there; export again with"):
        kclip.load(tmp_path / "export")


def test_a_damaged_file_is_named(exported, tmp_path):
    from kclip.inference.onnx_tower import OnnxTower

    (tmp_path / "image_tower.onnx").write_bytes(b"no graph")
    with pytest.raises(UserError, match="image_tower.onnx' is damaged; export it again"):
        OnnxTower(tmp_path / "image_tower.onnx")
