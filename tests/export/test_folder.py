import json
import subprocess
import sys

import numpy as np
import pytest
from exported import encoded, tiny_embedder
from tiny_models import SIZE, TEXTS

from kclip.errors import UserError
from kclip.export.folder import export_model
from kclip.export.packages import EXPORT_PACKAGES, RUN_PACKAGES, missing_packages
from kclip.models import DualEncoderPreprocessor

SAME_SIZE = {"size": (SIZE, SIZE)}
IMAGES = [
    encoded(**SAME_SIZE),
    encoded(mode="RGBA", seed=1, **SAME_SIZE),
    encoded("JPEG", seed=2, **SAME_SIZE),
    encoded(seed=3),  # the last is resized
]
AVAILABLE = [
    name
    for name in EXPORT_PACKAGES
    if not missing_packages(EXPORT_PACKAGES[name] | RUN_PACKAGES[name])
]


@pytest.fixture(scope="module")
def embedder():
    return tiny_embedder(normalize=False, initial_bias=-3.0)


@pytest.fixture(scope="module")
def folder(embedder, tmp_path_factory):
    output = tmp_path_factory.mktemp("exports") / "exported"
    export_model(embedder, output, AVAILABLE, "a tiny model")
    return output


# What the code of the README prints, format by format, and what the SavedModel gives for bytes and
# strings.
CALLER = """
import contextlib, io, json, pathlib, re

printed = []
for snippet in re.findall(r"```python\\n(.*?)```", open("README.md").read(), re.DOTALL):
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(snippet, {})
    printed.append(output.getvalue())

import numpy as np, tensorflow as tf

model = tf.saved_model.load("saved_model")
inputs = json.load(open("inputs.json"))
images = tf.constant([pathlib.Path(name).read_bytes() for name in inputs["images"]])
texts = tf.constant(inputs["texts"])
logits = model.signatures["logits_per_image"](images=images, texts=texts)
np.savez("outputs.npz", images=model.embed_images(images), texts=model.embed_texts(texts),
         logits=next(iter(logits.values())), printed=printed)
"""


@pytest.fixture(scope="module")
def outputs(folder):
    """What a fresh process makes of the folder."""
    (folder / "photo.jpg").write_bytes(encoded("JPEG", size=(SIZE, SIZE)))
    names = [f"{number}.bin" for number in range(len(IMAGES))]
    for name, image in zip(names, IMAGES, strict=True):
        (folder / name).write_bytes(image)
    (folder / "inputs.json").write_text(json.dumps({"images": names, "texts": TEXTS}))
    command = [sys.executable, "-c", CALLER]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    with np.load(folder / "outputs.npz") as arrays:
        return dict(arrays)


def test_a_fresh_process_gets_the_embedders_outputs_from_bytes_and_strings(embedder, outputs):
    images = embedder.embed_images(IMAGES, progress=False)
    texts = embedder.embed_texts(TEXTS)
    np.testing.assert_allclose(outputs["images"][:-1], images[:-1], atol=1e-5)
    # Pillow and TensorFlow resize alike, but not to the last bit.
    np.testing.assert_allclose(outputs["images"][-1], images[-1], atol=1e-2)
    np.testing.assert_allclose(outputs["texts"], texts, atol=1e-5)
    bias = float(embedder.model.logit_scale.bias)
    logits = embedder.logit_scale * images @ texts.T + bias
    np.testing.assert_allclose(outputs["logits"][:-1], logits[:-1], atol=1e-4)


@pytest.mark.parametrize("file_format", sorted(set(AVAILABLE) - {"saved_model"}))
def test_tower_files_give_the_embedders_answers_for_any_batch(embedder, folder, file_format):
    pixels = np.random.default_rng(0).uniform(0, 255, (3, SIZE, SIZE, 3)).astype(np.float32)
    settings = json.loads((folder / "export.json").read_text())
    preprocessor = DualEncoderPreprocessor.from_preset(folder / "preprocessor")
    tokens = preprocessor.tokenize(TEXTS)
    tokens = {name: np.asarray(tokens[name], np.int32) for name in settings["text_inputs"]}
    expected = embedder.embed_batch(pixels)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    for rows in (slice(0, 3), slice(1, 2)):
        found = run_tower(folder, file_format, "image_tower", {"image": pixels[rows]})
        np.testing.assert_allclose(found, expected[rows], atol=1e-5)
    found = run_tower(folder, file_format, "text_tower", tokens)
    np.testing.assert_allclose(found, embedder.embed_texts(TEXTS), atol=1e-5)


def run_tower(folder, file_format, name, inputs):
    if file_format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(folder / "onnx" / f"{name}.onnx"))
        return session.run(None, inputs)[0]
    from ai_edge_litert.interpreter import Interpreter

    path = folder / "litert" / f"{name}.tflite"
    return Interpreter(str(path)).get_signature_runner()(**inputs)["output_0"]


def test_the_code_of_the_readme_agrees_in_every_format(outputs):
    probabilities = np.array([text.strip(" [\n]").split() for text in outputs["printed"]], float)
    assert probabilities.shape == (len(AVAILABLE), 2)
    np.testing.assert_allclose(probabilities, probabilities[:1].repeat(len(AVAILABLE), 0), 1e-4)


def test_the_folder_is_whole_or_not_there(embedder, tmp_path, monkeypatch):
    def fail(*args):
        raise RuntimeError("disk full")

    monkeypatch.setattr("kclip.export.folder.save_preprocessor", fail)
    monkeypatch.setattr("kclip.export.folder.exporter", lambda name: lambda *args: None)
    with pytest.raises(RuntimeError, match="disk full"):
        export_model(embedder, tmp_path / "out", ["saved_model"], "model")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(embedder, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match="is there already"):
        export_model(embedder, tmp_path, ["saved_model"], "model")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_missing_package_is_named_with_pips_command(embedder, tmp_path, monkeypatch):
    monkeypatch.setattr("kclip.export.packages.find_spec", lambda module: None)
    with pytest.raises(UserError, match=r"run: pip install tf2onnx onnx$"):
        export_model(embedder, tmp_path / "out", ["saved_model", "onnx"], "model")
    assert list(tmp_path.iterdir()) == []
