"""The process that asks a model under the JAX backend: `python -m <this module> FOLDER`.

`jax_mode` starts it, since Keras chooses its backend when it is imported.
"""

import json
import sys
from pathlib import Path

import numpy as np

from kclip.console.tensorflow_logs import hush_tensorflow


def answer(folder: Path) -> None:
    """Reads `question.json` and `pixels.npy`, and writes `outputs.npz`."""
    from kclip.evaluation.consistency.subject import Subject, model_outputs
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
    hush_tensorflow()  # Keras imports it for its data pipelines, under JAX too
    answer(Path(sys.argv[1]))
