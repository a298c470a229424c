"""A recognizer measured on labelled images: what `evaluate_multilabel` and training both report."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kclip.data.labelled.images import LabelledImages
from kclip.evaluation.multilabel_results import multilabel_results
from kclip.evaluation.published_multilabel import is_nus_wide
from kclip.inference.readable_images import compute_labelled
from kclip.multilabel.class_split import ClassSplit
from kclip.multilabel.recognition.opening import Recognizer
from kclip.multilabel.thresholds import Thresholds


@dataclass(frozen=True)
class MultilabelEvaluation:
    """What was measured, and on what.

    Attributes:
        images: the N that can be read.
        scores: float32 (N, C), the recognizer's.
        results: of `multilabel_results`, with `published` (bool: whether the classes are those of
            NUS-WIDE) and, where there are thresholds, `thresholds`: `scope`, `wanted_precision`,
            `precision_bound`, `num_never`, `chosen_on`, `num_own` and `same_images`.
    """

    images: LabelledImages
    scores: np.ndarray
    results: dict[str, Any]


def evaluate_multilabel(
    recognizer: Recognizer, images: LabelledImages, thresholds: Thresholds | None = None
) -> MultilabelEvaluation:
    """Scores images and measures the scores; those that can't be read are left out and printed.

    Args:
        recognizer: the model.
        images: with their labels.
        thresholds: by which labels are decided, or None.

    Raises:
        UserError: no image has any of the classes, or any of the unseen ones; or more of the images
            can't be read than may be left out.
        KclipError: a score is not finite.
    """
    classes = recognizer.classes
    readable, scores = compute_labelled(recognizer.predict_scores, images)
    results = multilabel_results(
        readable.label_matrix(classes.class_names),
        scores,
        classes.class_names,
        classes.seen_mask,
        None if thresholds is None else thresholds.of(classes.class_names),
        readable.valid_mask(classes.class_names),
    )
    results["published"] = is_nus_wide(classes.seen, classes.unseen)
    if thresholds is not None:
        results["thresholds"] = _described(thresholds, classes, images.origin)
    return MultilabelEvaluation(readable, scores, results)


def _described(thresholds: Thresholds, classes: ClassSplit, origin: str) -> dict[str, Any]:
    return {
        "scope": thresholds.scope,
        "wanted_precision": thresholds.wanted_precision,
        "precision_bound": thresholds.bound,
        "num_never": int(np.isinf(thresholds.of(classes.class_names)).sum()),
        "chosen_on": thresholds.chosen_on,
        "num_own": sum(name in thresholds.by_class for name in classes.class_names),
        "same_images": thresholds.chosen_on == origin,
    }
