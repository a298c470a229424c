"""One model in every mode: how far are the class probabilities apart?"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.errors import KclipError
from kclip.evaluation.consistency.modes import MIN_EQUAL_DECISIONS, MODES, ModeName, mode_function
from kclip.evaluation.consistency.subject import ModelOutputs, Subject
from kclip.export.packages import missing_packages
from kclip.metrics.similarity import l2_normalize, softmax
from kclip.zero_shot.classifier import ZeroShotClassifier, class_prompts, named_classes

if TYPE_CHECKING:
    from kclip.evaluation.consistency.samples import Samples
    from kclip.inference.embedder import Embedder


def compare_modes(
    embedder: "Embedder",
    name: str,
    samples: "Samples",
    templates: Sequence[str],
    modes: Sequence[ModeName],
) -> dict[str, dict[str, Any]]:
    """Classifies the same images in every mode and compares the probabilities with eager's.

    Args:
        embedder: the model in float32.
        name: name or folder that it was loaded by; the JAX backend loads it once more.
        samples: N images and the names of C classes.
        templates: prompts with {} for the class name.
        modes: keys of `kclip.evaluation.consistency.modes.MODES`.

    Returns:
        mode -> `max_probability_difference`, `equal_decisions` (a fraction), `limit`,
        `min_equal_decisions`, `num_images`, `seconds`, `passed`. A mode that broke down has
        `error` instead of the first two; one whose packages are not installed has `skipped`, the
        reason, and nothing else.

    Raises:
        UserError: fewer than two classes.
        KclipError: the model's own embeddings are not finite.
    """
    classes = named_classes(samples.class_names)
    prompts = [text for texts in class_prompts(classes, templates) for text in texts]
    with TemporaryDirectory(prefix="kclip-consistency-") as scratch:
        subject = Subject(embedder, name, samples.pixels, prompts, Path(scratch))
        judge = _Judge(subject, samples.class_names, templates)
        reference = judge.probabilities(mode_function("eager")(subject))
        return {mode: _compare(judge, mode, reference) for mode in ProgressBar(modes, desc="Modes")}


@dataclass(frozen=True)
class _Judge:
    """Turns embeddings into class probabilities, for every mode by the same NumPy."""

    subject: Subject
    class_names: Sequence[str]
    templates: Sequence[str]

    def probabilities(self, model_outputs: ModelOutputs) -> np.ndarray:
        """(N, C) float64. The scale multiplies errors by up to 100, so float32 ends before it."""
        for embeddings in (model_outputs.image_embeddings, model_outputs.text_embeddings):
            if not np.isfinite(embeddings).all():
                raise KclipError("an embedding is not finite")
        classes = named_classes(self.class_names)
        texts, scale = model_outputs.text_embeddings, model_outputs.logit_scale
        classifier = ZeroShotClassifier.from_embeddings(classes, self.templates, texts, scale)
        images = l2_normalize(model_outputs.image_embeddings).astype(np.float64)
        logits = classifier.logit_scale * images @ classifier.class_embeddings.T.astype(np.float64)
        return softmax(logits)


def _compare(judge: _Judge, name: ModeName, reference: np.ndarray) -> dict[str, Any]:
    mode = MODES[name]
    missing = missing_packages(mode.packages)
    if missing:
        return {"skipped": f"not installed: {', '.join(missing)} (pip install {' '.join(missing)})"}
    limits = {"limit": mode.limit, "min_equal_decisions": MIN_EQUAL_DECISIONS}
    start = time.perf_counter()
    try:
        probabilities = judge.probabilities(mode_function(name)(judge.subject))
    except Exception as error:  # TensorFlow, JAX and the runtimes raise all kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return {"error": f"{type(error).__name__}: {reason}", **limits, "passed": False}
    difference = float(np.abs(probabilities - reference).max())
    equal = float((probabilities.argmax(axis=1) == reference.argmax(axis=1)).mean())
    return {
        "max_probability_difference": difference,
        "equal_decisions": equal,
        **limits,
        "num_images": len(reference),
        "seconds": round(time.perf_counter() - start, 1),
        "passed": difference <= mode.limit and equal >= MIN_EQUAL_DECISIONS,
    }
