"""RandAugment (Cubuk et al. 2020) from random numbers that are given."""

from typing import Any

ROUNDS = 3  # operations an image
_OF_ROUND = 4  # which operation, whether at all, how strong, in which direction
NUMBERS = ROUNDS * _OF_ROUND
MAGNITUDE = 0.3  # the mean strength, of 1
RATE = 10 / 11  # as if doing nothing were an eleventh operation


def rand_augment(images: Any, numbers: Any) -> Any:
    """Changes each image by three operations, chosen at random from ten.

    Contrast stretched, histogram equalised, solarised, colours faded, contrast, brightness, sheared
    and moved along both axes; each of a strength between 0 and 0.6.

    Args:
        images: float32 tensor (B, S, S, 3) in [0, 255].
        numbers: float32 tensor (B, NUMBERS) in [0, 1).

    Returns:
        float32 tensor (B, S, S, 3) in [0, 255].

    Example:
        >>> import tensorflow as tf
        >>> images = tf.random.stateless_uniform((2, 8, 8, 3), [0, 0], 0, 255)
        >>> unchanged = tf.constant([[0.5, 0.99, 0.5, 0.5] * ROUNDS] * 2)
        >>> bool(tf.reduce_all(rand_augment(images, unchanged) == images))
        True
    """
    import tensorflow as tf

    def change(arguments: Any) -> Any:
        image, own = arguments
        for of_round in tf.unstack(tf.reshape(own, (ROUNDS, _OF_ROUND))):
            image = _one_round(image, *tf.unstack(of_round))
        return image

    return tf.map_fn(change, (images, numbers), fn_output_signature=tf.float32)


def _one_round(image: Any, which: Any, applied: Any, strength: Any, direction: Any) -> Any:
    import tensorflow as tf

    magnitude = 2 * MAGNITUDE * strength
    signed = tf.where(direction < 0.5, -magnitude, magnitude)
    side = float(image.shape[0])
    centre = (side - 1) / 2
    operations = [
        lambda: _auto_contrast(image),
        lambda: _equalized(image),
        lambda: tf.where(image < 255 * (1 - magnitude), image, 255 - image),  # solarised
        lambda: image + magnitude * (tf.image.rgb_to_grayscale(image) - image),
        lambda: tf.reduce_mean(image) + (1 + signed) * (image - tf.reduce_mean(image)),
        lambda: image + 255 * signed,
        lambda: _moved(image, [1.0, signed, -signed * centre, 0.0, 1.0, 0.0]),  # sheared along x
        lambda: _moved(image, [1.0, 0.0, 0.0, signed, 1.0, -signed * centre]),
        lambda: _moved(image, [1.0, 0.0, signed * side, 0.0, 1.0, 0.0]),  # moved along x
        lambda: _moved(image, [1.0, 0.0, 0.0, 0.0, 1.0, signed * side]),
    ]
    number = tf.cast(which * len(operations), tf.int32)
    changed = tf.cond(applied < RATE, lambda: tf.switch_case(number, operations), lambda: image)
    return tf.ensure_shape(tf.clip_by_value(changed, 0.0, 255.0), image.shape)


def _auto_contrast(image: Any) -> Any:
    """Each channel stretched to all of [0, 255]; one of a single value stays."""
    import tensorflow as tf

    low = tf.reduce_min(image, axis=(0, 1))
    high = tf.reduce_max(image, axis=(0, 1))
    return tf.where(high > low, (image - low) * tf.math.divide_no_nan(255.0, high - low), image)


def _equalized(image: Any) -> Any:
    """Each channel with all values equally often, as far as its histogram allows."""
    import tensorflow as tf

    def channel(values: Any) -> Any:
        levels = tf.cast(values, tf.int32)
        counts = tf.math.bincount(tf.reshape(levels, [-1]), minlength=256, maxlength=256)
        ranks = tf.cast(tf.cumsum(counts), tf.float32)
        first = tf.reduce_min(tf.boolean_mask(ranks, counts > 0))
        table = tf.round(255 * tf.math.divide_no_nan(ranks - first, ranks[-1] - first))
        return tf.where(ranks[-1] > first, tf.gather(table, levels), values)

    return tf.stack([channel(image[..., number]) for number in range(3)], axis=-1)


def _moved(image: Any, matrix: list[Any]) -> Any:
    """The image under an affine map of positions, mirrored at its edges."""
    import tensorflow as tf

    transform = tf.stack([tf.cast(value, tf.float32) for value in (*matrix, 0.0, 0.0)])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=transform[None],
        output_shape=tf.shape(image)[:2],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )[0]
