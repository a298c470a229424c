"""Zero-shot classification, measured: a plain dict that reports are made of."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.data.labelled.images import LabelledImages
from kclip.evaluation.remarks import classification_remarks, unknown_words_remarks
from kclip.inference.embedded_images import EmbeddedImages, embed_labelled_images
from kclip.metrics.abstention import coverage_curve
from kclip.metrics.calibration import (
    NUM_BINS,
    expected_calibration_error,
    negative_log_likelihood,
    reliability_bins,
)
from kclip.metrics.classification import classification_metrics, predicted_classes
from kclip.metrics.similarity import softmax
from kclip.zero_shot.classifier import ZeroShotClassifier

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder

CURVE_POINTS = 101


def evaluate_zero_shot(
    embedder: "Embedder", images: LabelledImages, templates: Sequence[str]
) -> dict[str, Any]:
    """Classifies images by the names of their classes, and counts how often that is right.

    Images that can't be read are left out and printed.

    Args:
        embedder: the model.
        images: of one class each.
        templates: prompts with {} for the class name.

    Returns:
        What `zero_shot_results` returns, and `templates`.

    Raises:
        UserError: fewer than two classes, or more of the images can't be read than may be left out.
        KclipError: an embedding is not finite.
    """
    classifier = ZeroShotClassifier.from_names(embedder, images.classes, templates)
    embedded = embed_labelled_images(embedder.embed_images, images)
    results = zero_shot_results(classifier, embedded, preprocessor=embedder.preprocessor)
    return results | {"templates": list(templates)}


def zero_shot_results(
    classifier: ZeroShotClassifier,
    images: EmbeddedImages,
    threshold: float | None = None,
    preprocessor: Any = None,
) -> dict[str, Any]:
    """Classifies images and measures accuracy, calibration, and accuracy where it is sure enough.

    Args:
        classifier: calibrated or not.
        images: N > 0 that the calibration was not fitted on.
        threshold: the least probability of an answer; None if every image is to be answered.
        preprocessor: of the model, to see whether it knows the names' words; None to leave that
            out.

    Returns:
        What `classification_metrics` returns; `num_images`; `remarks`, what a reader has to know;
        `mean_per_class_accuracy`, the mean recall over the classes that have images;
        `calibration` (`temperature`, and with the keys `before` and `after`:
        `expected_calibration_error`, `negative_log_likelihood`, `reliability`; without calibration
        they are the same); `abstention` (`threshold`, `coverage` and `accuracy` on what is
        answered, None where nothing is; `curve`, at most 101
        `{"threshold", "coverage", "accuracy"}`).

    Raises:
        KclipError: an embedding is not finite.
    """
    logits = classifier.logits(images.embeddings)
    results = classification_metrics(images.labels, logits, classifier.class_names)
    recalls = [row["recall"] for row in results["per_class"] if row["num_images"]]
    remarks = classification_remarks(results, logits)
    names = list(classifier.class_names)
    remarks += unknown_words_remarks(preprocessor, names, "the classes' names")
    return results | {
        "num_images": len(images),
        "remarks": remarks,
        "mean_per_class_accuracy": float(np.mean(recalls)),
        "calibration": _calibration(images.labels, logits, classifier.temperature),
        "abstention": _abstention(
            images.labels, softmax(logits, classifier.temperature), threshold
        ),
    }


def _calibration(labels: np.ndarray, logits: np.ndarray, temperature: float) -> dict[str, Any]:
    results: dict[str, Any] = {"temperature": temperature, "num_bins": NUM_BINS}
    both = {"before": 1.0, "after": temperature}
    probabilities = {when: softmax(logits, value) for when, value in both.items()}
    results["expected_calibration_error"] = {
        when: expected_calibration_error(labels, values) for when, values in probabilities.items()
    }
    results["negative_log_likelihood"] = {
        when: negative_log_likelihood(labels, logits, value) for when, value in both.items()
    }
    results["reliability"] = {
        when: reliability_bins(labels, values) for when, values in probabilities.items()
    }
    return results


def _abstention(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float | None
) -> dict[str, Any]:
    thresholds, coverage, accuracy = coverage_curve(labels, probabilities)
    wanted = np.linspace(coverage[0], 1, CURVE_POINTS)
    rows = np.unique(np.searchsorted(coverage, wanted - 1e-9))
    curve = [
        {
            "threshold": float(thresholds[row]),
            "coverage": float(coverage[row]),
            "accuracy": float(accuracy[row]),
        }
        for row in rows
    ]
    answered = np.ones(len(labels), bool)
    if threshold is not None:
        answered = probabilities.max(axis=1) >= threshold
    right = (predicted_classes(labels, probabilities) == labels)[answered]
    return {
        "threshold": threshold,
        "coverage": float(answered.mean()),
        "accuracy": float(right.mean()) if len(right) else None,
        "curve": curve,
    }
