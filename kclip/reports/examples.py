"""Pictures of some images: their labels and, for a decoder, where it looked for them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kclip.data.images.opening import load_image
from kclip.data.labelled.images import LabelledImages
from kclip.multilabel.recognition.opening import Recognizer
from kclip.multilabel.recognition.recognizer import MultiLabelRecognizer
from kclip.reports.figures.attention import draw_attention
from kclip.reports.figures.labels import draw_labels
from kclip.reports.figures.style import save_figure

MAX_IMAGES = 8
MAX_ATTENTION_IMAGES = 3
SHOWN_CLASSES = 5


def write_examples(
    directory: Path, recognizer: Recognizer, images: LabelledImages, scores: np.ndarray
) -> dict[str, str]:
    """Writes `labels.png` and, for a decoder, `attention_N.png`.

    The images are spread evenly over those with a label of an unseen class, or with any where
    classes are not told apart.

    Args:
        directory: where to write.
        recognizer: the model.
        images: N images.
        scores: its scores, (N, C).

    Returns:
        File name -> what it shows.
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
    save_figure(figure, directory / "labels.png")
    pictures = {"labels.png": "Images, their best labels and those that were missed"}
    if isinstance(recognizer, MultiLabelRecognizer):
        for n in range(min(MAX_ATTENTION_IMAGES, count)):
            name = f"attention_{n + 1}.png"
            image, truth = shown.images[n], shown.label_sets[n]
            best = _best(confidences[n], valid_mask[n])
            _write_attention(directory / name, recognizer, image, confidences[n], best, truth)
            pictures[name] = f"Where the best classes were looked for in {shown.file_names[n]}"
    return pictures


def _write_attention(
    path: Path,
    recognizer: MultiLabelRecognizer,
    image: Path | bytes,
    confidences: np.ndarray,
    best: np.ndarray,
    truth: Sequence[str],
) -> None:
    pixels = recognizer.model.prepare(load_image(image))
    figure = draw_attention(
        pixels.clip(0, 255).astype(np.uint8),
        [recognizer.class_names[column] for column in best],
        recognizer.attention_maps([image])[0][:, best],
        confidences[best],
        recognizer.unseen,
        truth,
    )
    save_figure(figure, path)


def _best(confidences: np.ndarray, valid_mask: np.ndarray) -> np.ndarray:
    """The classes to show, best first: of those whose answer counts."""
    order = np.argsort(-confidences, kind="stable")
    return order[valid_mask[order]][:SHOWN_CLASSES]
