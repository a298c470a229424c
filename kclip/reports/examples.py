"""Figures of some images: their labels and, for a decoder, where it looked for them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kclip.data.images.opening import load_image
from kclip.data.labelled.images import LabelledImages
from kclip.multilabel.recognition.opening import Recognizer
from kclip.multilabel.recognition.recognizer import MultiLabelRecognizer
from kclip.reports.figures.attention import draw_attention
from kclip.reports.figures.labels import draw_labels
from kclip.reports.multilabel import ReportFigure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_IMAGES = 8
MAX_ATTENTION_IMAGES = 3
SHOWN_CLASSES = 5


def draw_examples(
    recognizer: Recognizer, images: LabelledImages, scores: np.ndarray
) -> "Iterator[ReportFigure]":
    """Draws `labels.png` and, for a decoder, `attention_N.png`.

    The images are spread evenly over those with a label of an unseen class, or with any where
    classes are not told apart.

    Args:
        recognizer: the model.
        images: N images.
        scores: its scores, (N, C).

    Yields:
        File name, figure and caption of each.
    """
    classes = recognizer.classes
    labels = images.label_matrix(classes.class_names)
    wanted = ~classes.seen_mask if classes.unseen else classes.seen_mask
    candidates = np.flatnonzero(labels[:, wanted].any(axis=1))
    count = min(MAX_IMAGES, len(candidates))
    rows = [int(candidates[n * len(candidates) // count]) for n in range(count)]
    shown = images.rows(rows)
    confidences = recognizer.confidences(scores[rows])
    unseen = classes.unseen if classes.seen else ()
    valid_mask = shown.valid_mask(classes.class_names)
    names = classes.class_names
    figure = draw_labels(
        shown.images, names, confidences, labels[rows], unseen, SHOWN_CLASSES, valid_mask
    )
    yield "labels.png", figure, "Images, their best labels and those that were missed"
    if isinstance(recognizer, MultiLabelRecognizer):
        for n in range(min(MAX_ATTENTION_IMAGES, count)):
            best = _best(confidences[n], valid_mask[n])
            figure = _draw_attention(
                recognizer, shown.images[n], confidences[n], best, shown.label_sets[n]
            )
            caption = f"Where the best classes were looked for in {shown.file_names[n]}"
            yield f"attention_{n + 1}.png", figure, caption


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
