"""The config.json of transformers' CLIP, MetaCLIP 2 and SigLIP."""

from pathlib import Path

from kclip.errors import UserError
from kclip.models.pretrained.json_files import read_object
from kclip.reading import in_one_sentence

# What Hugging Face leaves out of a config.json where it is the default; the reference is
# transformers' configuration_clip.py and configuration_siglip.py.
_BASE = {"num_hidden_layers": 12, "num_attention_heads": 12, "hidden_size": 768}
_BASE |= {"intermediate_size": 3072, "num_channels": 3, "image_size": 224}
_CLIP = {"hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
_SIGLIP = {"hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6}
_CLIP_TOWERS = {
    "vision_config": _BASE | _CLIP | {"patch_size": 32},
    "text_config": _BASE
    | _CLIP
    | {"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8}
    | {"vocab_size": 49408, "max_position_embeddings": 77, "eos_token_id": 49407},
}
DEFAULTS = {
    "clip": _CLIP_TOWERS,
    "metaclip_2": _CLIP_TOWERS,
    "siglip": {
        "vision_config": _BASE | _SIGLIP | {"patch_size": 16, "vision_use_head": True},
        "text_config": _BASE | _SIGLIP | {"vocab_size": 32000, "max_position_embeddings": 64},
    },
}


def read_config(folder):
    """The folder's config.json, what it leaves out filled in.

    Raises:
        UserError: it is missing or damaged, or of another kind of model, or its images are no
            squares.
    """
    path = Path(folder) / "config.json"
    if not path.exists():
        raise UserError(f"{str(folder)!r} holds no config.json; give a model's folder")
    config = read_object(path)
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in DEFAULTS:
        raise UserError(
            f"{str(folder)!r} holds a model of type {kind!r}; kclip reads {', '.join(DEFAULTS)} in "
            "Hugging Face's layout"
        )
    with in_one_sentence(str(path), "download it again"):
        return _completed(folder, config, DEFAULTS[kind])


def _completed(folder, config, towers):
    for side, defaults in towers.items():
        config[side] = defaults | (config.get(side) or {})
        # A relic of old files that wins where it is there, its own gaps defaults again.
        if relic := config.get(f"{side}_dict"):
            config[side] |= defaults | relic
    for key in ("image_size", "patch_size"):
        config["vision_config"][key] = _one_side(folder, key, config["vision_config"][key])
    return config


def _one_side(folder, key, value):
    """A side in pixels, which some files write as [height, width]."""
    sides = list(value.values()) if isinstance(value, dict) else value
    sides = sides if isinstance(sides, list) else [sides]
    side = sides[0] if sides else None
    if not isinstance(side, int) or any(other != side for other in sides):
        raise UserError(
            f"the config.json in {str(folder)!r} says {key} {value}; kclip reads models of square "
            "images and patches"
        )
    return side
