"""The JAX backend: a process of its own, since Keras chooses its backend on being imported.

`python -m kclip.evaluation.consistency.jax_mode FOLDER` is that process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from kclip.console.tensorflow_logs import hush_tensorflow
from kclip.errors import KclipError
from kclip.evaluation.consistency.subject import ModelOutputs, Subject, model_outputs


def jax(subject: Subject) -> ModelOutputs:
    """The same model folder, loaded and asked under `KERAS_BACKEND=jax`, compiled by JAX."""
    folder = subject.scratch / "jax"
    folder.mkdir()
    np.save(folder / "pixels.npy", subject.pixels)
    question = {"model": subject.name, "prompts": list(subject.prompts)}
    (folder / "question.json").write_text(json.dumps(question), encoding="utf-8")
    backend = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", __name__, str(folder)]
    code = subprocess.run(command, env=os.environ | backend, check=False).returncode
    if code != 0:
        raise KclipError(f"the process with the JAX backend ended with code {code}")
    with np.load(folder / "outputs.npz") as found:
        return ModelOutputs(found["images"], found["texts"], float(found["logit_scale"]))


def _answer(folder: Path) -> None:
    hush_tensorflow()  # Keras imports it for its data pipelines, under JAX too
    from kclip.inference.embedder import Embedder

    question = json.loads((folder / "question.json").read_text(encoding="utf-8"))
    embedder = Embedder.from_name(question["model"])
    pixels = np.load(folder / "pixels.npy")
    subject = Subject(embedder, question["model"], pixels, question["prompts"], folder)
    found = model_outputs(subject, embedder.embed_batch, embedder.embed_texts)
    np.savez(
        folder / "outputs.npz",
        images=found.image_embeddings,
        texts=found.text_embeddings,
        logit_scale=found.logit_scale,
    )


if __name__ == "__main__":
    _answer(Path(sys.argv[1]))
