"""One tower as an ONNX file, in memory that a large tower has room in."""

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx  # pyright: ignore[reportMissingImports]
import tensorflow as tf
import tf2onnx  # pyright: ignore[reportMissingImports]
from keras.src.export.tf2onnx_lib import patch_tf2onnx

from kclip.export import erfc  # noqa: F401

_WEIGHT = "kclip_weight_"


def export_onnx_tower(tower: keras.Model, path: Path) -> None:
    """Writes a Keras model as one ONNX file, its weights inside.

    tf2onnx copies its graph, constants and all, before each of many optimizations: with the weights
    in it a ViT-B/32 takes more than 22 GiB. So they are inputs of the graph that it sees, and
    become constants of the file afterwards.

    Args:
        tower: model from a dict of inputs to one tensor, in float32.
        path: of the file; its folder is there.
    """
    weights = [np.asarray(variable) for variable in tower.variables]
    model = _converted(tower, weights)
    graph = model.graph
    used = {name for node in graph.node for name in node.input}  # dropout's seeds are not
    for number, weight in enumerate(weights):
        if (name := f"{_WEIGHT}{number}") in used:
            graph.initializer.append(onnx.numpy_helper.from_array(weight, name))
    inputs = [value for value in graph.input if not value.name.startswith(_WEIGHT)]
    del graph.input[:]
    graph.input.extend(inputs)
    onnx.save(model, path)


def _converted(tower: keras.Model, weights: list[np.ndarray]) -> Any:
    """The graph with weights as inputs."""
    trainable = len(tower.trainable_variables)
    order = [*tower.trainable_variables, *tower.non_trainable_variables]
    numbers = {id(variable): number for number, variable in enumerate(tower.variables)}

    def run(inputs: dict[str, Any], values: list[Any]) -> Any:
        ordered = [values[numbers[id(variable)]] for variable in order]
        call: Any = tower.stateless_call
        return call(ordered[:trainable], ordered[trainable:], inputs, training=False)[0]

    inputs: Any = tower.input
    signature = [
        {name: tf.TensorSpec(value.shape, value.dtype, name) for name, value in inputs.items()},
        [
            tf.TensorSpec(weight.shape, weight.dtype, f"{_WEIGHT}{number}")
            for number, weight in enumerate(weights)
        ],
    ]
    with warnings.catch_warnings():
        # Keras mends tf2onnx for NumPy 2 by looking whether np.object is there.
        warnings.filterwarnings("ignore", "In the future `np", FutureWarning)
        patch_tf2onnx()
    return tf2onnx.convert.from_function(tf.function(run), signature)[0]
