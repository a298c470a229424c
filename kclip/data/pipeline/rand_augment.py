"""RandAugment (Cubuk et al. 2020) by keras-cv's layers, from random numbers that are given."""

from functools import cache
from typing import Any

ROUNDS = 3  # operations an image
_OF_ROUND = 4  # which operation, whether at all, how strong, in which direction
NUMBERS = ROUNDS * _OF_ROUND
MAGNITUDE = 0.3  # the mean strength, of 1
RATE = 10 / 11  # as if doing nothing were an eleventh operation


def rand_augment(images: Any, numbers: Any) -> Any:
    """Changes each image by three operations, chosen at random from ten.

    Contrast stretched, histogram equalised, solarised, colours faded, contrast, brightness, sheared
    and moved along both axes; each of a strength between 0 and 0.6. The operations are keras-cv's;
    its own `RandAugment` draws from a state, so that a run that is resumed would see other images.

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
    operations = [
        lambda layer=layer, of=of: layer.augment_images(image[None], transformations=of)[0]
        for layer, of in zip(_layers(), _transformations(magnitude, signed), strict=True)
    ]
    number = tf.cast(which * len(operations), tf.int32)
    changed = tf.cond(applied < RATE, lambda: tf.switch_case(number, operations), lambda: image)
    return tf.ensure_shape(tf.clip_by_value(changed, 0.0, 255.0), image.shape)


@cache
def _layers() -> list[Any]:
    """Ten layers; what they would draw by themselves is not used, so their factors say nothing."""
    from keras_cv import layers

    pixels = (0, 255)
    shear, move = layers.RandomShear(x_factor=0.0), layers.RandomTranslation(0.0, 0.0)
    return [
        layers.AutoContrast(pixels),
        layers.Equalization(pixels),
        layers.Solarization(pixels),
        layers.RandomColorDegeneration(0.0),
        layers.RandomContrast(pixels, 0.0),
        layers.RandomBrightness(0.0, pixels),
        *(shear, shear, move, move),
    ]


def _transformations(magnitude: Any, signed: Any) -> list[Any]:
    """What each of the ten layers does to one image, in the form that it draws by itself."""
    import tensorflow as tf

    scalar, row = (1, 1, 1, 1), (1, 1)
    nothing = tf.zeros(row)
    along = tf.reshape(signed, row)
    return [
        None,
        None,
        {"additions": 0.0, "thresholds": tf.reshape(255 * (1 - magnitude), scalar)},
        tf.reshape(magnitude, scalar),
        tf.reshape(1 + signed, scalar),
        tf.reshape(255 * signed, scalar),
        {"shear_x": along, "shear_y": None},
        {"shear_x": None, "shear_y": along},
        {"height_translations": nothing, "width_translations": along},
        {"height_translations": along, "width_translations": nothing},
    ]
