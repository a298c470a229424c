"""EfficientNet-Lite as timm keeps it on the hub: `config.json` and `model.safetensors`."""

import re
from collections import Counter

import keras
import numpy as np

from kclip.errors import UserError
from kclip.models.pretrained.safetensors_folder import SafetensorsFolder
from kclip.models.towers.application_weights import NUM_CLASSES, Classifier
from kclip.models.towers.efficientnet_lite import STAGE_STRIDES

ARCHITECTURE = re.compile(r"(tf_)?efficientnet_lite\d")
_NO_WEIGHTS = ("num_batches_tracked", "classifier.weight", "classifier.bias")


def efficientnet_lite_sizes(folder, architecture):
    """The arguments of `kclip.models.towers.efficientnet_lite` that fit a folder's tensors.

    Args:
        folder: holds `model.safetensors` with timm's names.
        architecture: timm's name: those that begin with "tf_" pad as TensorFlow does.

    Raises:
        UserError: the weights are missing, damaged, or of another network.
    """
    from_tf = architecture.startswith("tf_")
    with SafetensorsFolder(folder) as tensors:
        depths = _depths(folder, tensors.names)
        return {
            "stem": tensors.shape("conv_stem.weight")[0],
            "stages": [_stage(tensors, stage, depth) for stage, depth in enumerate(depths)],
            "head": tensors.shape("conv_head.weight")[0],
            "padding": "same" if from_tf else "symmetric",
            "epsilon": 1e-3 if from_tf else 1e-5,
        }


def fill_efficientnet_lite(model, folder):
    """Fills the network from timm's tensors; the classifier is left out.

    Args:
        model: of `kclip.models.towers.efficientnet_lite`; changed in place.
        folder: holds `model.safetensors`.

    Raises:
        UserError: a tensor is missing, left over, or of another shape.
    """
    with SafetensorsFolder(folder) as tensors:
        values = [_layer_weights(layer, tensors) for layer in model.layers]
        tensors.refuse_leftovers(known=_NO_WEIGHTS)
    # Only once all have been read, so that a model is never filled by half.
    for layer, weights in zip(model.layers, values, strict=True):
        layer.set_weights(weights)


def timm_classifier(folder, name="classifier"):
    """The `Classifier` of ImageNet's 1,000 classes in a folder of timm.

    Args:
        folder: holds `model.safetensors`.
        name: of the layer.

    Raises:
        UserError: there is none.
    """
    with SafetensorsFolder(folder) as tensors:
        kernel = f"{name}.weight"
        shape = tensors.shape(kernel) if kernel in tensors.names else (0, 0)
        if shape[0] != NUM_CLASSES:
            raise UserError(
                f"the weights in {str(folder)!r} classify {shape[0]} classes, not ImageNet's "
                f"{NUM_CLASSES:,}; leave --optimization.class-pairs"
            )
        weight, bias = tensors.read(kernel, shape), tensors.read(f"{name}.bias", shape[:1])
    return Classifier(np.ascontiguousarray(weight.T), bias)


def _depths(folder, names):
    """The number of blocks of each stage, from the tensors' names."""
    blocks = {match[0] for name in names if (match := re.match(r"blocks\.\d+\.\d+", name))}
    counts = Counter(int(block.split(".")[1]) for block in blocks)
    if sorted(counts) != list(range(len(STAGE_STRIDES))):
        raise UserError(
            f"the weights in {str(folder)!r} have {len(counts)} stages of blocks, where an "
            f"EfficientNet has {len(STAGE_STRIDES)}; they belong to another network"
        )
    return [counts[stage] for stage in range(len(STAGE_STRIDES))]


def _stage(tensors, stage, blocks):
    """Blocks, kernel size, expansion factor and channels of a stage."""
    first = f"blocks.{stage}.0"
    expanded, _, kernel, _ = tensors.shape(f"{first}.conv_dw.weight")
    if f"{first}.conv_pwl.weight" not in tensors.names:
        return [blocks, kernel, 1, tensors.shape(f"{first}.conv_pw.weight")[0]]
    inputs = tensors.shape(f"{first}.conv_pw.weight")[1]
    return [blocks, kernel, expanded // inputs, tensors.shape(f"{first}.conv_pwl.weight")[0]]


def _layer_weights(layer, tensors):
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        height, width, channels, _ = layer.kernel.shape
        kernel = tensors.read(f"{layer.name}.weight", (channels, 1, height, width))
        return [kernel.transpose(2, 3, 0, 1)]
    if isinstance(layer, keras.layers.Conv2D):
        height, width, inputs, outputs = layer.kernel.shape
        kernel = tensors.read(f"{layer.name}.weight", (outputs, inputs, height, width))
        return [kernel.transpose(2, 3, 1, 0)]
    if isinstance(layer, keras.layers.BatchNormalization):
        kinds = ("weight", "bias", "running_mean", "running_var")
        return [tensors.read(f"{layer.name}.{kind}", layer.gamma.shape) for kind in kinds]
    return []
