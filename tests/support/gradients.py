"""Gradients that are asked for in the same way on every backend."""

import keras
import numpy as np


def gradients(function, arrays, variables=()):
    """Gradients of `function(*arrays)`, a scalar, as two lists of NumPy arrays.

    First with respect to the arrays, then with respect to the Keras variables that it reads.
    """

    def scalar(arrays, values):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*arrays)

    arrays = [keras.ops.convert_to_tensor(array) for array in arrays]
    values = [keras.ops.convert_to_tensor(variable.value) for variable in variables]
    if keras.backend.backend() == "jax":
        import jax

        of_arrays, of_values = jax.jit(jax.grad(scalar, argnums=(0, 1)))(arrays, values)
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch([*arrays, *values])
            result = scalar(arrays, values)
        of_arrays, of_values = tape.gradient(result, (arrays, values))
        of_values = [tf.convert_to_tensor(g) for g in of_values]  # rows of a table, too
    return [np.asarray(g) for g in of_arrays], [np.asarray(g) for g in of_values]
