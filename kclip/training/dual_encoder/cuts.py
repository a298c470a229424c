"""Where the towers of a training are cut, so that what is frozen of them runs once."""

from collections.abc import Sequence
from typing import Any

from kclip.config.dual_encoder import Optimization
from kclip.config.towers import ImageTower, TextTower
from kclip.console.lines import LOGGER
from kclip.data.pipeline.split_reading import num_captions
from kclip.data.records.writer import SplitFiles
from kclip.features.frozen_outputs import image_views
from kclip.models import DualEncoder
from kclip.models.towers.tower_cut import TowerCut, TowerCuts, cut_tower, frozen_blocks

# Of these each image has a few views, which a frozen tower can see once and for all.
CONSTANT_AUGMENTATIONS = ("none", "flip", "shrink")


def training_views(settings: Optimization) -> tuple[bool, bool]:
    """Whether each training image is also shown mirrored, and as it looks when it is small."""
    shrink = settings.augmentation == "shrink"
    return shrink or settings.augmentation == "flip", shrink


def find_cuts(
    model: DualEncoder,
    preprocessor: Any,
    splits: Sequence[SplitFiles],
    image: ImageTower,
    text: TextTower,
    settings: Optimization,
) -> TowerCuts:
    """Cuts the towers of which the last blocks are trained, and says where it does not.

    Args:
        model: whose towers are made trainable as their configs say.
        preprocessor: of the model.
        splits: training and validation records.
        image: the image tower's config.
        text: the text tower's config.
        settings: with the augmentation, and how much may be kept.

    Returns:
        No text tower is cut where images go through their whole tower in each step.
    """
    of_image = _image_cut(model, preprocessor, splits, image, settings)
    if image.trained and of_image is None:
        return TowerCuts()
    return TowerCuts(of_image, _text_cut(model, preprocessor, splits, text, settings))


def _image_cut(
    model: DualEncoder,
    preprocessor: Any,
    splits: Sequence[SplitFiles],
    image: ImageTower,
    settings: Optimization,
) -> TowerCut | None:
    if not _has_frozen(model.image_encoder, image):
        return None
    if settings.augmentation not in CONSTANT_AUGMENTATIONS:
        reason = f"--optimization.augmentation {settings.augmentation} changes images in each epoch"
        return _run_each_step("image", reason)
    cut = cut_tower(model.image_encoder, "image_features")
    views = len(image_views(*training_views(settings))), len(image_views(preprocessor.mirror))
    count = sum(n * split.num_records for n, split in zip(views, splits, strict=True))
    return _within_limit("image", cut, settings, count)


def _text_cut(
    model: DualEncoder,
    preprocessor: Any,
    splits: Sequence[SplitFiles],
    text: TextTower,
    settings: Optimization,
) -> TowerCut | None:
    if not _has_frozen(model.text_encoder, text):
        return None
    cut = cut_tower(model.text_encoder, "text_features")
    count = sum(num_captions(split) for split in splits)
    return _within_limit("text", cut, settings, count, preprocessor.sequence_length)


def _has_frozen(tower: Any, config: ImageTower | TextTower) -> bool:
    return config.train.startswith("last:") and bool(frozen_blocks(tower))


def _within_limit(
    side: str, cut: TowerCut | None, settings: Optimization, examples: int, length: int = 1
) -> TowerCut | None:
    """The cut of a side's tower, if it could be cut and what it keeps is not too much."""
    if cut is None:
        return _run_each_step(side, "they give the trained ones more than one tensor")
    gib = cut.num_bytes(examples, length) / 2**30
    if gib > settings.cache_gib:
        limit = f"--optimization.cache-gib {settings.cache_gib:g}"
        return _run_each_step(side, f"their outputs would take {gib:,.3g} GiB, above {limit}")
    LOGGER.info("the frozen blocks of the %s tower run once; outputs: %.3g GiB", side, gib)
    return cut


def _run_each_step(side: str, reason: str) -> None:
    LOGGER.info("the frozen blocks of the %s tower run in each step: %s", side, reason)
