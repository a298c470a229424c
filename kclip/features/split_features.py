"""Outputs of frozen towers, computed once for a split and kept memory-mapped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kclip.console.progress import ProgressBar
from kclip.data.pipeline.split_reading import iterate_texts, num_captions
from kclip.data.records.writer import SplitFiles
from kclip.features.arrays import new_array
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
from kclip.models.towers.tower_cut import TowerCut, TowerCuts

TEXT_BATCH_SIZE = 256

Preprocessor = DualEncoderPreprocessor | ClipPreprocessor


@dataclass(frozen=True)
class SplitFeatures:
    """What training needs of a split once the towers have been run.

    Args:
        image_features: float32 (V, N, F), memory-mapped; V views of N images, as `image_views`
            orders them. Of a tower that is cut (V, N, ...), what goes into its upper part.
        text: dict of arrays (M, ...), memory-mapped: `text_features` (M, C), or the tokens
            (M, L) where the text tower is trained. Of a tower that is cut `text_features`
            (M, L, C), and what else its upper part reads.
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
    cuts: TowerCuts | None = None,
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
        cuts: of towers whose last blocks are trained; of these the frozen blocks are run.
    """
    cuts = cuts or TowerCuts()
    views = image_views(mirror, shrink)

    def compute(folder: Path) -> None:
        tower = cuts.image.lower if cuts.image else model.image_encoder
        dtypes = {"image_features": np.float32}
        compute_views(folder, tower, split, pixels_for(preprocessor), views, dtypes)
        _compute_texts(model, preprocessor, split, folder, cuts.text)

    name = _digest(model, preprocessor, split, cuts, mirror, *["shrink"] * shrink)
    what = "inputs of the first trained block" if cuts.image else "outputs"
    about = described(f"{what} of {model.image_encoder.backbone_name} and of texts", split)
    num_bytes = cuts.image.num_bytes(len(views) * split.num_records) if cuts.image else 0
    if cuts.text:
        num_bytes += cuts.text.num_bytes(num_captions(split), preprocessor.sequence_length)
    folder = store.computed_once(name, compute, about, num_bytes)
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
    cut: TowerCut | None,
) -> None:
    ids, _, captions = zip(*iterate_texts(split), strict=True)
    np.save(folder / "ids.npy", np.array(ids, np.int32))
    counts = [len(of_image) for of_image in captions]
    np.save(folder / "caption_offsets.npy", np.concatenate([[0], np.cumsum(counts)]))
    texts = [caption for of_image in captions for caption in of_image]
    # On the disk from the start: all tokens of all texts need not fit into memory.
    path = folder / "text_features.npy"
    on_disk = partial(new_array, path, dtype=np.float32)
    arrays = text_arrays(model, preprocessor, texts, cut, on_disk)
    for name, array in arrays.items():
        if name == "text_features":
            array.flush()
        else:
            np.save(folder / f"{name}.npy", array)


def text_arrays(
    model: DualEncoder,
    preprocessor: Preprocessor,
    texts: list[str],
    cut: TowerCut | None = None,
    new_array: Callable[[tuple[int, ...]], np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """What training needs of M texts, (M, ...): a frozen tower's features, or else their tokens.

    Args:
        model: whose text tower it is.
        preprocessor: of the model.
        texts: M.
        cut: of a text tower whose last blocks are trained; the result then is what its upper part
            reads.
        new_array: from a shape to float32 zeros, which features are written into; by default in
            memory.
    """
    tokens = {name: np.asarray(value) for name, value in preprocessor.tokenize(texts).items()}
    encoder = model.text_encoder
    if encoder.trainable and cut is None:
        return tokens
    tower = cut.lower if cut else encoder
    length = preprocessor.sequence_length
    new_array = new_array or partial(np.zeros, dtype=np.float32)
    features = new_array((len(texts), *(size or length for size in tower.output_shape[1:])))
    with ProgressBar(total=len(texts), unit="text", desc="Text features") as bar:
        for rows, batch in _by_length(encoder, tokens):
            found = np.asarray(tower.predict_on_batch(batch))
            # What a text's padding would give has no part in any result, and stays 0.
            features[(rows, *map(slice, found.shape[1:]))] = found
            bar.update(len(rows))
    kept = cut.kept if cut else ()
    return {"text_features": features, **{name: tokens[name] for name in kept}}


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
    cuts: TowerCuts,
    *others: Any,
) -> str:
    text: Any = cuts.text or model.text_encoder
    towers = [cuts.image or model.image_encoder]
    towers += [text] * (cuts.text is not None or not model.text_encoder.trainable)
    tokenizer: Any = preprocessor.tokenizer
    words = getattr(tokenizer, "settings", None) or tokenizer.get_vocabulary()
    own = (settings(preprocessor.get_config()), words)
    return digest(towers, split, *own, *others)
