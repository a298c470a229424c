"""KerasHub's CLIP and SigLIP by the name of a preset, or from a local folder of one."""

import difflib

import keras_hub

from kclip.errors import UserError
from kclip.models.clip.clip_preprocessor import ClipPreprocessor
from kclip.models.folder.checks import kind_of_model, load_preset, refuse_other_classes
from kclip.models.folder.downloads import in_one_sentence
from kclip.models.pretrained.keras_hub_cache import reachable_preset
from kclip.models.pretrained.keras_hub_clip import from_keras_hub, tokenizer_from_keras_hub

BACKBONES = {"keras_hub>CLIPBackbone", "keras_hub>SigLIPBackbone"}
# What a local folder may name besides plain values.
_CLASSES = {
    f"keras_hub>{family}{part}"
    for family in ("CLIP", "SigLIP")
    for part in ("Backbone VisionEncoder TextEncoder Tokenizer ImageConverter Preprocessor".split())
} | {"keras.DTypePolicy"}


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
    refuse_other_classes(folder, _CLASSES)
    family = "SigLIP" if "SigLIP" in kind_of_model(folder) else "CLIP"
    return load_preset(folder, lambda: _convert(str(folder), family, dtype))


def _convert(name, family, dtype):
    backbone = getattr(keras_hub.models, f"{family}Backbone").from_preset(name, dtype="float32")
    tokenizer = getattr(keras_hub.models, f"{family}Tokenizer").from_preset(name)
    tokenizer = tokenizer_from_keras_hub(tokenizer)
    model = from_keras_hub(backbone, dtype)
    resize = "squash" if family == "SigLIP" else "crop"
    return model, ClipPreprocessor(
        tokenizer, model.image_size, model.sequence_length, resize=resize
    )
