"""Random changes to training images inside tf.data, most of them by keras-cv."""

from collections.abc import Callable
from typing import Any, Literal

Augmentation = Literal["none", "flip", "shrink", "crop", "randaugment"]

SMALL_SIZE = 32  # pixels, as in CIFAR


def build_augmentation(
    name: Augmentation, image_size: int, seed: int
) -> Callable[[Any], Any] | None:
    """A function from a batch of images to the same batch, changed at random.

    Args:
        name: "none"; "flip" mirrors half of the images; "shrink" also shows half of them
            `shrunk`; "crop" mirrors, takes a part of 50 % to 100 % of the area and stretches it
            back; "randaugment" also applies RandAugment (Cubuk et al. 2020) and cuts out a
            rectangle.
        image_size: int. Height and width of the images in pixels.
        seed: int.

    Returns:
        None for "none", otherwise a function of tensors (B, S, S, 3) in [0, 255], which "flip"
        gives back in their dtype and the others as float32. Images are changed only by what the
        name says: text that speaks of left and right no longer fits a mirrored image.

    Example:
        >>> augment = build_augmentation("crop", image_size=64, seed=0)
        >>> augment(tf.zeros((8, 64, 64, 3))).shape
        TensorShape([8, 64, 64, 3])
    """
    if name == "none":
        return None
    mirror = _half_of(_mirrored, seed)
    if name == "flip":
        return mirror
    if name == "shrink":
        shrink = _half_of(shrunk, seed + 1)
        return lambda images: shrink(_as_float(mirror(images)))
    import keras_cv

    layers: list[Any] = [
        keras_cv.layers.RandomCropAndResize(
            target_size=(image_size, image_size),
            crop_area_factor=(0.5, 1.0),
            aspect_ratio_factor=(0.75, 1.33),
            seed=seed,
        )
    ]
    if name == "randaugment":
        layers.append(keras_cv.layers.RandAugment(value_range=(0, 255), magnitude=0.3, seed=seed))
        layers.append(
            keras_cv.layers.RandomCutout(height_factor=(0, 0.5), width_factor=(0, 0.5), seed=seed)
        )

    def augment(images: Any) -> Any:
        images = _as_float(mirror(images))
        for layer in layers:
            images = layer(images, training=True)
        return images

    return augment


def shrunk(images: Any) -> Any:
    """Pictures as they look when they were small: as much detail as `SMALL_SIZE` pixels hold.

    Args:
        images: float32 tensor or array (B, S, S, 3) in [0, 255].

    Returns:
        A float32 tensor (B, S, S, 3), which may overshoot a little at hard edges.
    """
    import tensorflow as tf

    def resize(pictures: Any, size: int) -> Any:
        return tf.image.resize(pictures, (size, size), "bicubic", antialias=True)

    small = tf.clip_by_value(tf.round(resize(images, SMALL_SIZE)), 0, 255)
    return resize(small, images.shape[1])


def _half_of(change: Callable[[Any], Any], seed: int) -> Callable[[Any], Any]:
    """Changes half of the images, drawn anew in each batch."""
    import tensorflow as tf

    random = tf.random.Generator.from_seed(seed)

    def change_half(images: Any) -> Any:
        chosen = random.uniform(tf.shape(images)[:1]) < 0.5
        # TensorFlow's older selection, by whole images, takes a tenth of the time of `tf.where`.
        return tf.raw_ops.Select(condition=chosen, x=change(images), y=images)

    return change_half


def _as_float(images: Any) -> Any:
    import tensorflow as tf

    return tf.cast(images, tf.float32)


def _mirrored(images: Any) -> Any:
    # Not keras_cv's RandomFlip, which takes longer than decoding the picture did. Of three axes
    # TensorFlow reverses one in half of the time that it takes for four.
    import tensorflow as tf

    rows = tf.reshape(images, (-1, *images.shape[2:]))
    return tf.reshape(tf.reverse(rows, [1]), tf.shape(images))
