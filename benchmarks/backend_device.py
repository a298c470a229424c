"""What benchmarks ask of the device under either backend."""

import resource
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

GIB = 2**30


def device_name() -> str:
    """Of the first accelerator; "cpu" where there is none."""
    if keras.backend.backend() == "jax":
        import jax

        device = jax.devices()[0]
        return device.platform if device.platform == "cpu" else device.device_kind
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(gpus[0])["device_name"] if gpus else "cpu"


def peak_gib() -> float:
    """Memory of the accelerator at its peak so far; of the process where there is none."""
    if device_name() == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB
    if keras.backend.backend() == "jax":
        import jax

        return jax.devices()[0].memory_stats()["peak_bytes_in_use"] / GIB
    import tensorflow as tf

    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / GIB


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """By XLA."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


def seconds_a_call(call: Callable[[], Any], calls: int) -> list[float]:
    """Of each call, its result fetched, after one that compiles."""
    seconds = []
    for _ in range(calls + 1):
        started = time.perf_counter()
        keras.tree.map_structure(np.asarray, call())
        seconds.append(time.perf_counter() - started)
    return seconds[1:]


def matrix_ceiling(dtype: str, size: int, repeats: int = 8) -> float:
    """Floating-point operations a second of products of square matrices."""
    matrix = keras.ops.cast(keras.random.normal((size, size), seed=0), dtype) / size**0.5

    @compiled
    def products(left):
        result = left
        for _ in range(repeats):
            result = keras.ops.matmul(left, result)
        return keras.ops.sum(keras.ops.cast(result, "float32"))

    return 2 * size**3 * repeats / min(seconds_a_call(lambda: products(matrix), 5))


def forward_flops(tower: keras.Model, positions: int | None = None) -> int:
    """Of one example: two for each weight of a kernel and place that it is used at.

    Args:
        tower: of images, or of texts where `positions` is given.
        positions: tokens a text. Attention's own products are left out: 1 % at 32 tokens.
    """
    total = 0
    for layer in tower._flatten_layers(include_self=False):
        if next(iter(layer._flatten_layers(include_self=False)), None) is not None:
            continue  # counted by its parts
        kernels = [w for w in layer.weights if "kernel" in w.name]
        places = positions if positions else int(np.prod(layer.output.shape[1:-1] or (1,)))
        total += sum(2 * int(np.prod(kernel.shape)) * places for kernel in kernels)
    return total
