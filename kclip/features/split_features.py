"""Outputs of frozen towers, computed once for a split and kept memory-mapped."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.data.pipeline.split_reading import iterate_texts
from kclip.data.records.writer import SplitFiles
from kclip.features.frozen_outputs import (
    compute_views,
    described,
    digest,
    image_views,
    pixels_for,
    settings,
)
from kclip.features.store import FeatureStore
from kclip.models import ClipPreprocessor, DualEncoder, DualEncoderPreprocessor

TEXT_BATCH_SIZE = 256

Preprocessor = DualEncoderPreprocessor | ClipPreprocessor


@dataclass(frozen=True)
class SplitFeatures:
    """What training needs of a split once the towers have been run.

    Args:
        image_features: float32 (V, N, F), memory-mapped; V views of N images, as `image_views`
            orders them.
        text: dict of arrays (M, ...), memory-mapped: `text_features` (M, C), or the tokens
            (M, L) where the text tower is trained.
        caption_offsets: int64 (N + 1,); captions offsets[i] to offsets[i + 1] belong to image i.
        ids: int32 (N,), sibling ids as the streamed batches carry them.
    """

    image_features: np.ndarray
    text: dict[str, np.ndarray]
    caption_offsets: np.ndarray
    ids: np.ndarray

    @property
    def text_to_image(self) -> np.ndarray:
        """(M,) which image each caption belongs to."""
        return np.repeat(np.arange(len(self.ids)), np.diff(self.caption_offsets))


def split_features(
    model: DualEncoder,
    preprocessor: Preprocessor,
    split: SplitFiles,
    store: FeatureStore,
    mirror: bool = False,
    shrink: bool = False,
) -> SplitFeatures:
    """Computes a split's features, or opens those of an earlier run.

    They are kept under a digest of all that they depend on: the towers' weights and configs, the
    preprocessing, the data and the software.

    Args:
        model: its frozen towers are run; a text tower that is trained is given tokens instead.
        preprocessor: of the model.
        split: the records.
        store: where features are kept.
        mirror: also compute each mirrored image, as a second view.
        shrink: also compute these views of each image as it looks when it was small.
    """

    def compute(folder: Path) -> None:
        views, dtypes = image_views(mirror, shrink), {"image_features": np.float32}
        resize = pixels_for(preprocessor)
        compute_views(folder, model.image_encoder, split, resize, views, dtypes)
        _compute_texts(model, preprocessor, split, folder)

    name = _digest(model, preprocessor, split, mirror, *["shrink"] * shrink)
    about = described(f"outputs of {model.image_encoder.backbone_name} and of texts", split)
    folder = store.computed_once(name, compute, about)
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    return SplitFeatures(
        image_features=arrays.pop("image_features"),
        caption_offsets=arrays.pop("caption_offsets"),
        ids=arrays.pop("ids"),
        text=arrays,
    )


def _compute_texts(
    model: DualEncoder,
    preprocessor: Preprocessor,
    split: SplitFiles,
    folder: Path,
) -> None:
    ids, _, captions = zip(*iterate_texts(split), strict=True)
    np.save(folder / "ids.npy", np.array(ids, np.int32))
    counts = [len(of_image) for of_image in captions]
    np.save(folder / "caption_offsets.npy", np.concatenate([[0], np.cumsum(counts)]))
    texts = [caption for of_image in captions for caption in of_image]
    for name, array in text_arrays(model, preprocessor, texts).items():
        np.save(folder / f"{name}.npy", array)


def text_arrays(
    model: DualEncoder, preprocessor: Preprocessor, texts: list[str]
) -> dict[str, np.ndarray]:
    """What training needs of M texts, (M, ...): a frozen tower's features, or else their tokens."""
    tokens = {name: np.asarray(value) for name, value in preprocessor.tokenize(texts).items()}
    encoder = model.text_encoder
    if encoder.trainable:
        return tokens
    features = np.zeros((len(texts), encoder.feature_dim), np.float32)
    with ProgressBar(total=len(texts), unit="text", desc="Text features") as bar:
        for rows, batch in _by_length(encoder, tokens):
            features[rows] = encoder.predict_on_batch(batch)
            bar.update(len(rows))
    return {"text_features": features}


def _by_length(
    encoder: Any, tokens: dict[str, np.ndarray]
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    # Texts of like length together, cut to the longest of them: padding is most of the work else.
    order = np.argsort(encoder.lengths(tokens), kind="stable")
    for start in range(0, len(order), TEXT_BATCH_SIZE):
        rows = order[start : start + TEXT_BATCH_SIZE]
        yield rows, encoder.shortened({name: array[rows] for name, array in tokens.items()})


def _digest(
    model: DualEncoder,
    preprocessor: Preprocessor,
    split: SplitFiles,
    *others: Any,
) -> str:
    towers = [model.image_encoder] + [model.text_encoder] * (not model.text_encoder.trainable)
    tokenizer: Any = preprocessor.tokenizer
    words = getattr(tokenizer, "settings", None) or tokenizer.get_vocabulary()
    own = (settings(preprocessor.get_config()), words)
    return digest(towers, split, *own, *others)
