"""Random numbers that depend on a key alone, whichever thread asks for them, and when."""

from typing import Any

_GOLDEN = 0x9E3779B97F4A7C15
_MIXERS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def keyed_uniforms(seed: int, epoch: Any, ids: Any, count: int) -> Any:
    """Numbers for each of some images, the same whenever image, epoch and seed are the same.

    SplitMix64 (Steele et al. 2014, "Fast Splittable Pseudorandom Number Generators"), with the
    three parts of the key mixed in one after the other. So no seed's epoch is another seed's.

    Args:
        seed: int.
        epoch: int, or a tensor of one.
        ids: int (B,), which images.
        count: numbers an image, K.

    Returns:
        float32 tensor (B, K) in [0, 1).

    Example:
        >>> first = keyed_uniforms(seed=0, epoch=1, ids=[7, 8], count=2)
        >>> second = keyed_uniforms(seed=0, epoch=1, ids=[8], count=3)
        >>> bool((first[1] == second[0, :2]).numpy().all()), first.shape
        (True, TensorShape([2, 2]))
    """
    import tensorflow as tf

    state = _mixed(tf.bitwise.bitwise_xor(keyed_state(seed, epoch), _unsigned(ids)))
    steps = tf.constant([(number + 1) * _GOLDEN % 2**64 for number in range(count)], tf.uint64)
    bits = tf.bitwise.right_shift(_mixed(state[:, None] + steps), tf.constant(40, tf.uint64))
    return tf.cast(bits, tf.float32) / 2**24


def keyed_state(seed: int, epoch: Any) -> Any:
    """One number for a seed and an epoch: a uint64 tensor."""
    import tensorflow as tf

    return _mixed(tf.bitwise.bitwise_xor(_mixed(_unsigned(seed)), _unsigned(epoch)))


def keyed_seed(seed: int, epoch: Any) -> Any:
    """The same as what tf.data takes for a seed: an int64 tensor, not negative."""
    import tensorflow as tf

    return tf.cast(
        tf.bitwise.right_shift(keyed_state(seed, epoch), tf.constant(1, tf.uint64)), tf.int64
    )


def _unsigned(values: Any) -> Any:
    import tensorflow as tf

    return tf.cast(tf.cast(values, tf.int64), tf.uint64)


def _mixed(state: Any) -> Any:
    """SplitMix64's finalizer: each bit of the result depends on all of the state."""
    import tensorflow as tf

    state += tf.constant(_GOLDEN, tf.uint64)
    for shift, factor in _MIXERS:
        shifted = tf.bitwise.right_shift(state, tf.constant(shift, tf.uint64))
        state = tf.bitwise.bitwise_xor(state, shifted) * tf.constant(factor, tf.uint64)
    return tf.bitwise.bitwise_xor(state, tf.bitwise.right_shift(state, tf.constant(31, tf.uint64)))
