"""The one gate to KerasHub's `from_preset`: a folder is looked through before it is built."""

from pathlib import Path

import keras_hub

from kclip.models.folder.checks import load_preset
from kclip.models.folder.own_files import check_files
from kclip.models.folder.serialized import check_configs


def from_preset(part_class, source, places, **options):
    """Loads a backbone, tokenizer or image converter of KerasHub.

    Args:
        part_class: the class whose `from_preset` is called.
        source: a local folder; or the name of a preset, which KerasHub fetches from its own place
            at Kaggle.
        places: `Places`, what a folder's configs may name.
        **options: further arguments of `from_preset`, such as `dtype`.

    Raises:
        UserError: a folder names what it may not, or its files are damaged, lead elsewhere, or do
            not fit each other.
    """
    if not Path(source).is_dir():
        return part_class.from_preset(source, **options)
    check_configs(source, places)
    check_files(source)
    has_weights = issubclass(part_class, keras_hub.models.Backbone)
    return load_preset(source, lambda: part_class.from_preset(str(source), **options), has_weights)
