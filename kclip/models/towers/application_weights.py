"""Weights files of `keras.applications` networks, saved with their classifier or without."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kclip.errors import UserError
from kclip.metrics.similarity import softmax
from kclip.models.folder.limits import refuse_not_finite
from kclip.models.folder.weights_files import file_weights

NUM_CLASSES = 1000  # of ImageNet


def load_application_weights(constructor, input_shape, options, path):
    """Builds a network without its classifier and fills it from a file.

    Args:
        constructor: a function of `keras.applications`.
        input_shape: (H, W, 3).
        options: dict of further arguments of the constructor.
        path: a `.weights.h5` or `.h5` file of the same network, with or without classifier.

    Returns:
        The network, without its classifier.

    Raises:
        UserError: there is no such file, or its weights belong to another network.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(
            f"there is no weights file {str(path)!r}; give a file of this network's weights, "
            '"imagenet", or None for random ones'
        )
    _check_file(path)
    bare = constructor(include_top=False, weights=None, input_shape=input_shape, **options)
    if _try_load(bare, path):
        return bare
    full = _load_full(constructor, options, path)
    if full is None:
        raise UserError(
            f"the weights in {str(path)!r} do not fit {bare.name!r}; give a file saved from "
            "keras.applications' network of the same name and size"
        )
    # The classifier follows the features, so its weights are the last ones of the list.
    bare.set_weights(full.get_weights()[: len(bare.weights)])
    return bare


@dataclass(frozen=True)
class Classifier:
    """The last layer of a network: a softmax over K classes of F pooled features.

    Attributes:
        kernel: float32 (F, K).
        bias: float32 (K,).
    """

    kernel: np.ndarray
    bias: np.ndarray

    def probabilities(self, features):
        """From float (N, F) to float (N, K), rows of which sum to 1."""
        return softmax(features @ self.kernel + self.bias)


def load_classifier(constructor, options, weights):
    """The classifier of ImageNet's 1,000 classes from a network's weights.

    Args:
        constructor: a function of `keras.applications`.
        options: dict of further arguments of the constructor.
        weights: the path of a weights file, or "imagenet".

    Raises:
        UserError: the file has no classifier that stands on the average of the feature map.
    """
    if weights == "imagenet":
        full = constructor(include_top=True, weights=weights, **options)
    else:
        _check_file(Path(weights))
        full = _load_full(constructor, options, weights)
    layers = [] if full is None else full.layers
    pooled = [x for x in layers if isinstance(x, keras.layers.GlobalAveragePooling2D)]
    width = pooled[-1].output.shape[-1] if pooled else None
    kernel, bias = full.get_weights()[-2:] if pooled else (np.zeros(0), np.zeros(0))
    if kernel.shape[-2:] != (width, NUM_CLASSES):
        raise UserError(
            f"the weights {str(weights)!r} have no classifier of ImageNet's 1,000 classes on the "
            "average of the feature map; give a network's weights with it, or leave "
            "--optimization.class-pairs"
        )
    return Classifier(kernel.reshape(-1, NUM_CLASSES), bias)


def _load_full(constructor, options, path):
    """A network with its classifier, filled from a file; None where they do not fit."""
    try:
        full = constructor(include_top=True, weights=None, **options)
    except ValueError:  # kclip's own networks have no classifier
        return None
    return full if _try_load(full, path) else None


def _check_file(path):
    if path.suffix not in (".h5", ".hdf5"):
        raise UserError(
            f"the weights file {str(path)!r} is of a kind that kclip does not open; give the HDF5 "
            "file (.weights.h5 or .h5) that Keras' save_weights writes"
        )
    file_weights(path)


def _try_load(model, path):
    with warnings.catch_warnings():
        # Keras only warns where a layer finds no weights in the file and stays random.
        warnings.simplefilter("error", UserWarning)
        try:
            model.load_weights(path)
        except (ValueError, KeyError, OSError, UserWarning):  # Keras and h5py, another's file
            return False
    for weight in model.weights:
        refuse_not_finite(keras.ops.convert_to_numpy(weight), weight.path, path)
    return True
