"""KerasHub's CLIP and SigLIP by the name of a preset, or from a local folder of one."""

import difflib

import keras_hub

from kclip.errors import UserError
from kclip.models.clip.clip_preprocessor import ClipPreprocessor
from kclip.models.folder.checks import kind_of_model
from kclip.models.folder.presets import from_preset
from kclip.models.folder.serialized import Places
from kclip.models.pretrained.keras_hub_cache import reachable_preset
from kclip.models.pretrained.keras_hub_clip import from_keras_hub, tokenizer_from_keras_hub
from kclip.reading import in_one_sentence

BACKBONES = {"keras_hub>CLIPBackbone", "keras_hub>SigLIPBackbone"}
_PARTS = "VisionEncoder TextEncoder Tokenizer ImageConverter Preprocessor".split()


def _places(family):
    """What a local folder of such a model may name."""
    prefix = f"keras_hub>{family}"
    classes = {
        "config.json": {f"{prefix}Backbone"},
        "vision_encoder": {f"{prefix}VisionEncoder"},
        "text_encoder": {f"{prefix}TextEncoder"},
        "tokenizer.json": {f"{prefix}Tokenizer"},
    }
    return Places(classes, unread={f"{prefix}{part}" for part in _PARTS})


def preset_families():
    """Name of a preset -> "CLIP" or "SigLIP"."""
    return {
        preset: family
        for family in ("CLIP", "SigLIP")
        for preset in getattr(keras_hub.models, f"{family}Backbone").presets
    }


def load_keras_hub_preset(name, dtype="float32"):
    """Loads a preset by its name, which KerasHub may have to download.

    Args:
        name: such as "clip_vit_base_patch32".
        dtype: dtype policy of the model.

    Returns:
        `CLIP` and `ClipPreprocessor`.

    Raises:
        UserError: there is no such preset, or it cannot be reached.
    """
    presets = preset_families()
    if name not in presets:
        close = difflib.get_close_matches(name, presets, n=3, cutoff=0.5)
        advice = f"did you mean {' or '.join(close)}?" if close else "such as clip_vit_base_patch32"
        raise UserError(
            f"there is no model folder {name!r}, nor a KerasHub preset of CLIP or SigLIP of that "
            f"name; give a folder, such as the model/ that train_dual_encoder wrote, a preset "
            f"({advice}), or owner/name of the Hugging Face hub"
        )
    advice = "without network, give a folder: kclip reads those of Hugging Face and open_clip too"
    with in_one_sentence(f"the KerasHub preset {name!r}", advice):
        return _convert(reachable_preset(name), presets[name], dtype)


def load_keras_hub_folder(folder, dtype="float32"):
    """Loads a local folder of a preset; arguments and errors as in `load_keras_hub_preset`."""
    family = "SigLIP" if "SigLIP" in kind_of_model(folder) else "CLIP"
    return _convert(str(folder), family, dtype)


def _convert(name, family, dtype):
    models, places = keras_hub.models, _places(family)
    backbone = from_preset(getattr(models, f"{family}Backbone"), name, places, dtype="float32")
    tokenizer = from_preset(getattr(models, f"{family}Tokenizer"), name, places)
    tokenizer = tokenizer_from_keras_hub(tokenizer)
    model = from_keras_hub(backbone, dtype)
    resize = "squash" if family == "SigLIP" else "crop"
    return model, ClipPreprocessor(
        tokenizer, model.image_size, model.sequence_length, resize=resize
    )
