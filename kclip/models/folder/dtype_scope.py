from contextlib import contextmanager

import keras


@contextmanager
def dtype_scope(dtype):
    """Builds layers under a dtype policy, for constructors that take none (`keras.applications`).

    Args:
        dtype: policy, its name, or None for the global policy.

    Example:
    >>> with dtype_scope("mixed_float16"):
    ...     keras.layers.Dense(1).compute_dtype
    'float16'
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(before if dtype is None else dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
