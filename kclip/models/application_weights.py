"""Weights files of `keras.applications` networks, saved with their classifier or without."""

import warnings
from pathlib import Path

from kclip.errors import UserError


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
    bare = constructor(include_top=False, weights=None, input_shape=input_shape, **options)
    if _try_load(bare, path):
        return bare
    # The classifier follows the features, so its weights are the last ones of the list.
    try:
        full = constructor(include_top=True, weights=None, **options)
    except ValueError:  # kclip's own networks have no classifier
        full = None
    if full is None or not _try_load(full, path):
        raise UserError(
            f"the weights in {str(path)!r} do not fit {bare.name!r}; give a file saved from "
            "keras.applications' network of the same name and size"
        )
    bare.set_weights(full.get_weights()[: len(bare.weights)])
    return bare


def _try_load(model, path):
    with warnings.catch_warnings():
        # Keras only warns where a layer finds no weights in the file and stays random.
        warnings.simplefilter("error", UserWarning)
        try:
            model.load_weights(path)
        except (ValueError, KeyError, OSError, UserWarning):  # Keras and h5py, another's file
            return False
    return True
