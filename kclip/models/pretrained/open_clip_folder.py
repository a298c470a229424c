"""A folder of open_clip: model, image preprocessing, tokenizer."""

import re
from pathlib import Path

from kclip.errors import UserError
from kclip.models.clip.clip import CLIP
from kclip.models.clip.clip_image_encoder import CLIP_MEAN, CLIP_STD
from kclip.models.clip.clip_preprocessor import INTERPOLATIONS, ClipPreprocessor
from kclip.models.pretrained.huggingface_clip import fill
from kclip.models.pretrained.open_clip_config import CONFIG, read_open_clip_config
from kclip.models.pretrained.open_clip_tensors import OpenClipTensors
from kclip.models.pretrained.safetensors_folder import SafetensorsFolder
from kclip.models.pretrained.timm_siglip import timm_siglip
from kclip.models.pretrained.tokenizer_files import read_tokenizer
from kclip.reading import in_one_sentence

WEIGHTS = "open_clip_model.safetensors"
_CLEANINGS = {"whitespace": "fixed", "lower": "fixed_lower", "canonicalize": "canonical"}
_RESIZES = {"shortest": "crop", "squash": "squash"}
_TIMM_BLOCK = re.compile(r"visual\.trunk\.blocks\.(\d+)\.")


def load_open_clip_folder(folder, dtype="float32", timm_tower=None):
    """Reads a folder as open_clip's `save_for_hf` writes it, without PyTorch.

    Both forms are read: two standard transformers (CLIP), and a timm image tower with attention
    pooling beside open_clip's text transformer (SigLIP).

    Args:
        folder: holds `open_clip_config.json`, `open_clip_model.safetensors` and, for texts, the
            files of the tokenizer.
        dtype: dtype policy of the model.
        timm_tower: dict of `num_heads` and `activation` for a timm tower whose name tells neither;
            None takes them from the name.

    Returns:
        `CLIP` and `ClipPreprocessor`; its tokenizer is None where the folder holds none.

    Raises:
        UserError: a file is missing or damaged, or the model is of another form.

    Example:
    >>> model, preprocessor = load_open_clip_folder("CLIP-ViT-B-32-laion2B-s34B-b79K")
    """
    with in_one_sentence(f"the open_clip model in {str(folder)!r}", "download it again"):
        return _load(Path(folder), dtype, timm_tower)


def _load(folder, dtype, timm_tower):
    config, preprocessing = read_open_clip_config(folder)
    image, text = config["vision_cfg"], config["text_cfg"]
    siglip = "timm_model_name" in image
    image_size = _side(folder, "image_size", image.get("image_size", 224))
    images = _image_settings(folder, preprocessing, image_size)
    with SafetensorsFolder(folder, "logit_scale", WEIGHTS) as tensors:
        with tensors.building(CONFIG):
            if siglip:
                timm_tower = timm_tower or timm_siglip(image["timm_model_name"])
                tower, patch_size = _timm_tower(tensors, timm_tower)
            else:
                tower, patch_size = _image_tower(image, config), image.get("patch_size", 16)
            model = CLIP(
                "siglip" if siglip else "clip",
                tower,
                _text_tower(text, config),
                image_size=image_size,
                patch_size=_side(folder, "patch_size", patch_size),
                vocabulary_size=text.get("vocab_size", 49408),
                sequence_length=text.get("context_length", 77),
                projection_dim=config["embed_dim"],
                initial_bias=config.get("init_logit_bias"),
                mean=preprocessing.get("mean") or CLIP_MEAN,
                std=preprocessing.get("std") or CLIP_STD,
                dtype=dtype,
            )
        fill(model, OpenClipTensors(tensors))
        tensors.refuse_leftovers()
    tokenizer = _tokenizer(folder, text, siglip)
    return model, ClipPreprocessor(tokenizer, image_size, model.sequence_length, **images)


def _image_tower(image, config):
    width = image.get("width", 768)
    heads = width // image.get("head_width", 64)
    return _transformer(image, width, heads, config.get("quick_gelu"))


def _text_tower(text, config):
    # Beside a timm tower open_clip's text transformer never has quick_gelu.
    quick = config.get("quick_gelu") and "timm_model_name" not in config["vision_cfg"]
    return _transformer(text, text.get("width", 512), text.get("heads", 8), quick)


def _transformer(tower, width, heads, quick_gelu):
    tanh = (tower.get("act_kwargs") or {}).get("approximate") == "tanh"
    return {
        "hidden_dim": width,
        "num_layers": tower.get("layers", 12),
        "num_heads": heads,
        "intermediate_dim": int(width * tower.get("mlp_ratio", 4.0)),
        "activation": "quick_gelu" if quick_gelu else "gelu_tanh" if tanh else "gelu",
        "epsilon": (tower.get("norm_kwargs") or {}).get("eps", 1e-5),
    }


def _timm_tower(tensors, name_says):
    """The numbers of a timm tower, which the config only names, from the shapes of its weights."""
    width, _, patch_size, _ = tensors.shape("visual.trunk.patch_embed.proj.weight")
    intermediate_dim, _ = tensors.shape("visual.trunk.attn_pool.mlp.fc1.weight")
    blocks = {match[1] for match in map(_TIMM_BLOCK.match, tensors.names) if match}
    numbers = {"hidden_dim": width, "num_layers": len(blocks), "intermediate_dim": intermediate_dim}
    return numbers | {"epsilon": 1e-6} | name_says, patch_size


def _image_settings(folder, preprocessing, image_size):
    resize = preprocessing.get("resize_mode") or "shortest"
    interpolation = preprocessing.get("interpolation") or "bicubic"
    if resize not in _RESIZES or interpolation not in INTERPOLATIONS:
        raise UserError(
            f"{CONFIG} in {str(folder)!r} resizes images by {resize!r} and {interpolation!r}; "
            f"kclip does {' and '.join(_RESIZES)}, {' and '.join(INTERPOLATIONS)}"
        )
    size = preprocessing.get("size") or image_size
    if _side(folder, "size", size) != image_size:
        raise UserError(
            f"{CONFIG} in {str(folder)!r} makes images of {size} pixels for a model of "
            f"{image_size}; the two belong to different models"
        )
    return {"resize": _RESIZES[resize], "interpolation": interpolation, "crop_margin": "even"}


def _tokenizer(folder, text, siglip):
    settings = text.get("tokenizer_kwargs") or {}
    cleaning = settings.get("clean", "whitespace")
    if set(settings) - {"clean"} or cleaning not in _CLEANINGS:
        raise UserError(
            f"{CONFIG} in {str(folder)!r} asks for a tokenizer with {settings}; kclip does clean "
            f"{' and '.join(_CLEANINGS)} alone"
        )
    kind = "siglip" if siglip else "clip"
    return read_tokenizer(folder, kind, text.get("vocab_size", 49408), _CLEANINGS[cleaning])


def _side(folder, name, value):
    sides = value if isinstance(value, list) else [value]
    side = sides[0] if sides else None
    if not isinstance(side, int) or any(other != side for other in sides):
        raise UserError(
            f"{CONFIG} in {str(folder)!r} says {name} {value}; kclip reads models of square images "
            "and patches"
        )
    return side
