"""Random changes to training images inside tf.data, most of them by keras-cv."""

from collections.abc import Callable
from typing import Any, Literal

Augmentation = Literal["none", "flip", "crop", "randaugment"]


def build_augmentation(
    name: Augmentation, image_size: int, seed: int
) -> Callable[[Any], Any] | None:
    """A function from a batch of images to the same batch, changed at random.

    Args:
        name: "none"; "flip" mirrors half of the images; "crop" also takes a part of 50 % to
            100 % of the area and stretches it back; "randaugment" also applies RandAugment
            (Cubuk et al. 2020) and cuts out a rectangle.
        image_size: int. Height and width of the images in pixels.
        seed: int.

    Returns:
        None for "none", otherwise a function of float32 tensors (B, S, S, 3) in [0, 255]. Images
        are changed only by what the name says: text that speaks of left and right no longer
        fits a mirrored image.

    Example:
        >>> augment = build_augmentation("crop", image_size=64, seed=0)
        >>> augment(tf.zeros((8, 64, 64, 3))).shape
        TensorShape([8, 64, 64, 3])
    """
    if name == "none":
        return None
    mirror = _mirroring(seed)
    if name == "flip":
        return mirror
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
        images = mirror(images)
        for layer in layers:
            images = layer(images, training=True)
        return images

    return augment


def _mirroring(seed: int) -> Callable[[Any], Any]:
    # Not keras_cv's RandomFlip, which takes longer than decoding the picture did.
    import tensorflow as tf

    random = tf.random.Generator.from_seed(seed)

    def mirror_half(images: Any) -> Any:
        chosen = random.uniform(tf.shape(images)[:1]) < 0.5
        # Of three axes TensorFlow reverses one in half of the time that it takes for four, and
        # its older selection, by whole images, takes a tenth of `tf.where`'s.
        rows = tf.reshape(images, (-1, *images.shape[2:]))
        mirrored = tf.reshape(tf.reverse(rows, [1]), tf.shape(images))
        return tf.raw_ops.Select(condition=chosen, x=mirrored, y=images)

    return mirror_half
