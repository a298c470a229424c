"""Random changes to training images inside tf.data, each keyed by seed, epoch and image."""

import math
from collections.abc import Callable
from typing import Any, Literal

from kclip.data.pipeline.keyed_random import keyed_uniforms
from kclip.data.pipeline.rand_augment import NUMBERS as RAND_AUGMENT_NUMBERS
from kclip.data.pipeline.rand_augment import rand_augment

AugmentationName = Literal["none", "flip", "shrink", "crop", "randaugment"]
# From images (B, S, S, 3) in [0, 255], their ids (B,) and the epoch to images.
Augment = Callable[[Any, Any, Any], Any]

SMALL_SIZE = 32  # pixels, as in CIFAR


def build_augmentation(name: AugmentationName, seed: int) -> Augment | None:
    """A function from a batch of images to the same batch, changed at random.

    What happens to an image depends on the seed, the epoch and the image's id alone: not on the
    batch, on threads, or on how often a run was stopped and resumed.

    Args:
        name: "none"; "flip" mirrors half of the images; "shrink" also shows half of them
            `shrunk`; "crop" mirrors, takes a part of 50 % to 100 % of the area and stretches it
            back; "randaugment" also applies RandAugment (Cubuk et al. 2020) and cuts out a
            rectangle.
        seed: int.

    Returns:
        None for "none", otherwise a function of tensors (B, S, S, 3) in [0, 255], ids, int (B,),
        and an epoch, int. "flip" gives images back in their dtype and the others as float32. Images
        are changed only by what the name says: text that speaks of left and right no longer fits
        a mirrored image.

    Example:
        >>> import tensorflow as tf
        >>> augment = build_augmentation("crop", seed=0)
        >>> augment(tf.zeros((8, 64, 64, 3)), tf.range(8), epoch=0).shape
        TensorShape([8, 64, 64, 3])
    """
    if name == "none":
        return None
    changes, counts = zip(*_CHANGES[name], strict=True)

    def augment(images: Any, ids: Any, epoch: Any) -> Any:
        import tensorflow as tf

        numbers = tf.split(keyed_uniforms(seed, epoch, ids, sum(counts)), counts, axis=1)
        for change, own in zip(changes, numbers, strict=True):
            images = change(images, own)
        return images

    return augment


def shrunk(images: Any) -> Any:
    """Images as they look when they were small: as much detail as `SMALL_SIZE` pixels hold.

    Args:
        images: float32 tensor or array (B, S, S, 3) in [0, 255].

    Returns:
        A float32 tensor (B, S, S, 3), which may overshoot a little at hard edges.
    """
    import tensorflow as tf

    def resize(images: Any, size: int) -> Any:
        return tf.image.resize(images, (size, size), "bicubic", antialias=True)

    small = tf.clip_by_value(tf.round(resize(images, SMALL_SIZE)), 0, 255)
    return resize(small, images.shape[1])


def _flip_half(images: Any, numbers: Any) -> Any:
    return _select(numbers[:, 0] < 0.5, _mirrored(images), images)


def _shrink_half(images: Any, numbers: Any) -> Any:
    images = _as_float(images)
    return _select(numbers[:, 0] < 0.5, shrunk(images), images)


def _crop(images: Any, numbers: Any) -> Any:
    """A part of 50 % to 100 % of the area, of a side ratio from 3/4 to 4/3, stretched back."""
    import tensorflow as tf

    images = _as_float(images)
    area, ratio, top, left = tf.unstack(numbers, axis=1)
    area = 0.5 + 0.5 * area
    ratio = tf.exp(math.log(3 / 4) + ratio * (math.log(4 / 3) - math.log(3 / 4)))
    height = tf.minimum(tf.sqrt(area / ratio), 1.0)
    width = tf.minimum(tf.sqrt(area * ratio), 1.0)
    top, left = top * (1 - height), left * (1 - width)
    boxes = tf.stack([top, left, top + height, left + width], axis=1)
    size = tf.shape(images)[1:3]
    parts = tf.image.crop_and_resize(images, boxes, tf.range(tf.shape(images)[0]), size)
    return tf.ensure_shape(parts, images.shape)


def _cut_out(images: Any, numbers: Any) -> Any:
    """A black rectangle of up to half of each side, anywhere."""
    import tensorflow as tf

    images = _as_float(images)
    inside = []
    for axis in (0, 1):
        length, centre = numbers[:, axis, None] / 2, numbers[:, 2 + axis, None]
        size = tf.shape(images)[1 + axis]
        positions = (tf.range(size, dtype=tf.float32) + 0.5) / tf.cast(size, tf.float32)
        inside.append(tf.abs(positions - centre) < length / 2)
    rectangle = inside[0][:, :, None] & inside[1][:, None, :]
    return tf.where(rectangle[..., None], 0.0, images)


# Each change, with how many random numbers an image it takes.
_FLIP, _SHRINK, _CROP, _CUT_OUT = (_flip_half, 1), (_shrink_half, 1), (_crop, 4), (_cut_out, 4)
_CHANGES: dict[str, list[tuple[Callable[[Any, Any], Any], int]]] = {
    "flip": [_FLIP],
    "shrink": [_FLIP, _SHRINK],
    "crop": [_FLIP, _CROP],
    "randaugment": [_FLIP, _CROP, (rand_augment, RAND_AUGMENT_NUMBERS), _CUT_OUT],
}


def _select(chosen: Any, changed: Any, images: Any) -> Any:
    import tensorflow as tf

    # TensorFlow's older selection, by whole images, takes a tenth of the time of `tf.where`.
    return tf.raw_ops.Select(condition=chosen, x=changed, y=images)


def _as_float(images: Any) -> Any:
    import tensorflow as tf

    return tf.cast(images, tf.float32)


def _mirrored(images: Any) -> Any:
    # Of three axes TensorFlow reverses one in half of the time that it takes for four.
    import tensorflow as tf

    rows = tf.reshape(images, (-1, *images.shape[2:]))
    return tf.reshape(tf.reverse(rows, [1]), tf.shape(images))
