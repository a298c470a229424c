"""Figures of some images: their labels and, for a decoder, where it looked for them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kclip.data.images.opening import load_image
from kclip.evaluation.multilabel import MultilabelEvaluation
from kclip.multilabel.class_split import ClassSplit
from kclip.multilabel.recognition.opening import Recognizer
from kclip.multilabel.recognition.recognizer import MultiLabelRecognizer
from kclip.multilabel.thresholds import Thresholds
from kclip.reports.figures.attention import draw_attention
from kclip.reports.figures.labels import draw_labels
from kclip.reports.multilabel import ReportFigure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_IMAGES = 8
MAX_ATTENTION_IMAGES = 3
SHOWN_CLASSES = 5


def draw_examples(
    recognizer: Recognizer, evaluation: MultilabelEvaluation, thresholds: Thresholds | None = None
) -> "Iterator[ReportFigure]":
    """Draws `labels.png` and, for a decoder, `attention_N.png`.

    The images are spread evenly over those with a label of an unseen class, or with any where
    classes are not told apart.

    Args:
        recognizer: the model.
        evaluation: N images and its scores of them.
        thresholds: whose labels are marked, if any.

    Yields:
        File name, figure and caption of each.
    """
    classes, names = recognizer.classes, recognizer.classes.class_names
    rows = _shown_rows(evaluation.images.label_matrix(names), classes)
    shown, scores = evaluation.images.rows(rows), evaluation.scores[rows]
    confidences, valid_mask = recognizer.confidences(scores), shown.valid_mask(names)
    figure = draw_labels(
        shown.images,
        names,
        confidences,
        shown.label_matrix(names),
        classes.unseen if classes.seen else (),
        SHOWN_CLASSES,
        valid_mask,
        None if thresholds is None else scores >= thresholds.of(names),
    )
    yield "labels.png", figure, "Images, their best labels and those that were missed"
    if isinstance(recognizer, MultiLabelRecognizer):
        for n in range(min(MAX_ATTENTION_IMAGES, len(rows))):
            best = _best(confidences[n], valid_mask[n])
            figure = _draw_attention(
                recognizer, shown.images[n], confidences[n], best, shown.label_sets[n]
            )
            caption = f"Where the best classes were looked for in {shown.file_names[n]}"
            yield f"attention_{n + 1}.png", figure, caption


def _shown_rows(labels: np.ndarray, classes: ClassSplit) -> list[int]:
    wanted = ~classes.seen_mask if classes.unseen else classes.seen_mask
    candidates = np.flatnonzero(labels[:, wanted].any(axis=1))
    count = min(MAX_IMAGES, len(candidates))
    return [int(candidates[n * len(candidates) // count]) for n in range(count)]


def _draw_attention(
    recognizer: MultiLabelRecognizer,
    image: Path | bytes,
    confidences: np.ndarray,
    best: np.ndarray,
    truth: Sequence[str],
) -> "Figure":
    pixels = recognizer.model.prepare(load_image(image))
    return draw_attention(
        pixels.clip(0, 255).astype(np.uint8),
        [recognizer.class_names[column] for column in best],
        recognizer.attention_maps([image])[0][:, best],
        confidences[best],
        recognizer.unseen,
        truth,
    )


def _best(confidences: np.ndarray, valid_mask: np.ndarray) -> np.ndarray:
    """The classes to show, best first: of those whose label counts."""
    order = np.argsort(-confidences, kind="stable")
    return order[valid_mask[order]][:SHOWN_CLASSES]
