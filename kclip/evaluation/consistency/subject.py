"""What a mode is given, and what it gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.evaluation.consistency.batches import in_batches
from kclip.export.towers import image_tower, text_tower, tokenize

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder

BATCH_SIZE = 25


@dataclass(frozen=True)
class Subject:
    """The model under test and what is put through it.

    Attributes:
        embedder: the model in float32.
        name: name or folder that the model was loaded by.
        pixels: uint8 (N, S, S, 3), images of the model's size.
        prompts: M texts.
        scratch: folder for files of this run.
    """

    embedder: "Embedder"
    name: str
    pixels: np.ndarray
    prompts: Sequence[str]
    scratch: Path


@dataclass(frozen=True)
class ModelOutputs:
    """What one mode makes of a subject.

    Attributes:
        image_embeddings: float32 (N, D).
        text_embeddings: float32 (M, D).
        logit_scale: what the mode's own model multiplies cosines by.
    """

    image_embeddings: np.ndarray
    text_embeddings: np.ndarray
    logit_scale: float


def model_outputs(
    subject: Subject,
    embed_images: Callable[[Any], Any],
    embed_texts: Callable[[Any], Any],
    logit_scale: float | None = None,
    batch_size: int = BATCH_SIZE,
) -> ModelOutputs:
    """Puts the subject through two functions.

    Args:
        subject: the images and prompts.
        embed_images: from uint8 (B, S, S, 3) to (B, D).
        embed_texts: from B strings to (B, D).
        logit_scale: of the model behind them; by default the subject's.
        batch_size: rows that go through a function at once.
    """
    scale = subject.embedder.logit_scale if logit_scale is None else logit_scale
    return ModelOutputs(
        in_batches(embed_images, subject.pixels, batch_size, "images"),
        in_batches(embed_texts, subject.prompts, batch_size, "prompts"),
        scale,
    )


def tower_outputs(
    subject: Subject,
    run: Callable[[Any], Callable[[Any], Any]],
    embedder: "Embedder | None" = None,
    batch_size: int = BATCH_SIZE,
) -> ModelOutputs:
    """Puts the subject through a model's two towers.

    Args:
        subject: the images and prompts.
        run: makes of a tower (`kclip.export.towers`) a function from a dict of arrays.
        embedder: another model than the subject's, to be asked instead.
        batch_size: as in `model_outputs`.
    """
    asked = subject.embedder if embedder is None else embedder
    image, text = run(image_tower(asked)), run(text_tower(asked))
    return model_outputs(
        subject,
        lambda pixels: image({"image": pixels.astype(np.float32)}),
        lambda texts: text(tokenize(asked, texts)),
        asked.logit_scale,
        batch_size,
    )
