"""Resized images as whole pixels, inside tf.data as outside of it."""

from collections.abc import Callable
from typing import Any


def whole_pixels(resize: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Has a resizing give whole numbers in [0, 255].

    Outside of tf.data a Keras layer rounds what it resizes of a uint8 image; inside it works in
    float32 and keeps what bicubic interpolation overshoots at hard edges.

    Args:
        resize: from an image, uint8 (H, W, 3), to (S, S, 3).

    Returns:
        A function of the same, for tf.data, to float32.

    Example:
        >>> import tensorflow as tf
        >>> whole_pixels(lambda image: tf.constant([-3.0, 1.6, 270.0]))(None).numpy().tolist()
        [0.0, 2.0, 255.0]
    """
    import tensorflow as tf

    def rounded(image: Any) -> Any:
        return tf.round(tf.clip_by_value(tf.cast(resize(image), tf.float32), 0.0, 255.0))

    return rounded
