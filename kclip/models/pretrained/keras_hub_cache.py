"""Presets of KerasHub as its cache has them."""

from pathlib import Path

import keras_hub

from kclip.console.offline import ADVICE, is_offline
from kclip.errors import UserError

_KAGGLE = "kaggle://"


def reachable_preset(name):
    """What `from_preset` is to be given for a preset, so that offline it asks no hub.

    Args:
        name: of a preset, or a local folder of one.

    Returns:
        The same; offline the preset's folder in the cache.

    Raises:
        UserError: it is not there, and the work is offline.
    """
    if not is_offline() or Path(name).is_dir():
        return name
    from kagglehub.cache import get_cached_path
    from kagglehub.handle import parse_model_handle

    handle = keras_hub.models.Backbone.presets[name]["kaggle_handle"]
    folder = Path(get_cached_path(parse_model_handle(handle.removeprefix(_KAGGLE))))
    if not (folder / "config.json").is_file() or not any(folder.glob("*.weights.h5")):
        raise UserError(f"the KerasHub preset {name!r} is not in the cache of Kaggle; {ADVICE}")
    return str(folder)
