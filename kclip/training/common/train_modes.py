"""A tower as a config names it, and how much of it is trained: all, some blocks, adapters, none."""

from dataclasses import replace
from typing import Any

from keras import ops

from kclip.config.towers import ImageTower, TextTower
from kclip.errors import UserError
from kclip.inference.towers import OpenedImageTower, open_image_tower
from kclip.layers.transformer_block import TransformerBlock
from kclip.models.folder.preset_model import tower_dtype
from kclip.models.towers.frozen import run_in_inference_while_frozen
from kclip.models.towers.recomputing import recompute_blocks
from kclip.models.towers.tower_cut import layers_below


def build_image_tower(image: ImageTower, dtype: str) -> OpenedImageTower:
    """Builds the image tower that a config names, and makes trainable what it says.

    Args:
        image: the config.
        dtype: dtype policy of a tower that is trained; a frozen one is float32.

    Raises:
        UserError: as `open_image_tower` and `prepare_tower`.
    """
    opened = open_image_tower(
        image.backbone,
        image_size=image.size,
        weights=image.weights,
        alpha=image.alpha,
        pooling=image.pooling,
        dtype=tower_dtype(dtype, frozen=not image.trained),
    )
    prepare_tower(opened.encoder, image)
    return replace(opened, resize=image.resize or opened.resize)


def prepare_tower(tower: Any, settings: ImageTower | TextTower) -> None:
    """Makes trainable what a tower's config names, with the memory that it allows.

    Args:
        tower: an image or text tower.
        settings: its config.

    Raises:
        UserError: as `train_tower`, or a tower without blocks shall compute them again.
    """
    train_tower(tower, settings.train)
    if settings.gradient_checkpointing:
        recompute_blocks(tower)


def train_tower(tower: Any, mode: str) -> None:
    """Makes those weights of a tower trainable that a mode names, and no others.

    With "last:N" the dropout below the trained blocks is off, so that what goes into them stays
    the same.

    Args:
        tower: an image or text tower.
        mode: "all"; "last:N", its last N blocks; "lora:R", adapters of rank R in its attention;
            "head" or "frozen", nothing of the tower.

    Raises:
        UserError: the tower has fewer blocks, or no attention.

    Example:
        >>> from kclip.models import ImageEncoder
        >>> tower = ImageEncoder("small_cnn", image_size=64)
        >>> train_tower(tower, "last:1")
        >>> len(tower.trainable_weights)
        2
    """
    kind, _, number = mode.partition(":")
    # First False, since TensorFlow passes on to the layers only what changes the tower's own flag.
    tower.trainable = False
    tower.trainable = kind not in ("head", "frozen")
    if kind == "last":
        _train_last(tower, int(number))
    if kind == "lora":
        tower.enable_lora(int(number))


def merge_lora(model: Any) -> None:
    """Puts low-rank adapters into the weights that they adapt, and removes them.

    Args:
        model: without any it stays as it is.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, TransformerBlock):
            layer.merge_lora()
        elif getattr(layer, "lora_enabled", False):
            _merge_keras_lora(layer)


def _merge_keras_lora(layer: Any) -> None:
    """The same for a layer of Keras, which merges nothing but what it writes to a file."""
    layer._kernel.assign(layer.kernel)
    # What was traced before goes on to use them.
    layer.lora_kernel_b.assign(ops.zeros(layer.lora_kernel_b.shape))
    layer._tracker.unlock()
    layer._untrack_variable(layer.lora_kernel_a)
    layer._untrack_variable(layer.lora_kernel_b)
    layer._tracker.lock()
    layer.lora_enabled = False


def _train_last(tower: Any, number: int) -> None:
    blocks = tower.blocks
    if number > len(blocks):
        raise UserError(
            f"last:{number} was asked for, but the tower has {len(blocks)} blocks; give at most "
            f"last:{len(blocks)}, or all"
        )
    frozen = [layer for block in blocks[: len(blocks) - number] for layer in block]
    for layer in frozen:
        layer.trainable = False
    for layer in [*frozen, *layers_below(tower)]:
        layer.trainable = False  # those without weights, too
        run_in_inference_while_frozen(layer)
