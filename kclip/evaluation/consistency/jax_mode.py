"""The JAX backend: a process of its own, since Keras chooses its backend on being imported."""

import json
import os
import subprocess
import sys

import numpy as np

from kclip.errors import KclipError
from kclip.evaluation.consistency.subject import ModelOutputs, Subject

PROCESS = "kclip.evaluation.consistency.jax_process"


def jax(subject: Subject) -> ModelOutputs:
    """The same model folder, loaded and asked under `KERAS_BACKEND=jax`, compiled by JAX."""
    folder = subject.scratch / "jax"
    folder.mkdir()
    np.save(folder / "pixels.npy", subject.pixels)
    question = {"model": subject.name, "prompts": list(subject.prompts)}
    (folder / "question.json").write_text(json.dumps(question), encoding="utf-8")
    backend = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", PROCESS, str(folder)]
    code = subprocess.run(command, env=os.environ | backend, check=False).returncode
    if code != 0:
        raise KclipError(f"the process with the JAX backend ended with code {code}")
    with np.load(folder / "outputs.npz") as found:
        return ModelOutputs(found["images"], found["texts"], float(found["logit_scale"]))
