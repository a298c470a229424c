"""The open_clip_config.json of a folder of open_clip."""

from pathlib import Path

from kclip.errors import UserError
from kclip.models.pretrained.json_files import read_object

CONFIG = "open_clip_config.json"

# What the towers may say -> what it has to be where kclip does only one thing, or ANY.
_ANY = object()
_MODEL = {
    "embed_dim": _ANY,
    "vision_cfg": _ANY,
    "text_cfg": _ANY,
    "quick_gelu": _ANY,
    "custom_text": _ANY,  # names of tensors alone
    "init_logit_scale": _ANY,
    "init_logit_bias": _ANY,
    "nonscalar_logit_scale": _ANY,
    "multimodal_cfg": None,
}
_TRANSFORMER = {
    "width": _ANY,
    "layers": _ANY,
    "mlp_ratio": _ANY,
    "norm_kwargs": _ANY,
    "ls_init_value": None,
    "act_kwargs": (None, {}, {"approximate": "none"}, {"approximate": "tanh"}),
    "block_type": None,
    "qk_norm": False,
    "scaled_cosine_attn": False,
    "scale_heads": False,
    "scale_attn_inner": False,
    "scale_attn": False,
    "scale_fc": False,
    "final_ln_after_pool": False,
    "output_tokens": _ANY,
}
_IMAGE = _TRANSFORMER | {
    "head_width": _ANY,
    "patch_size": _ANY,
    "image_size": _ANY,
    "patch_dropout": _ANY,  # in training alone
    "attentional_pool": False,
    "attn_pooler_queries": _ANY,
    "attn_pooler_heads": _ANY,
    "no_ln_pre": False,
    "pos_embed_type": "learnable",
    "pool_type": "tok",
    "global_average_pool": False,
    "timm_model_name": None,
}
_TIMM = {
    "image_size": _ANY,
    "timm_model_name": _ANY,
    "timm_model_pretrained": _ANY,
    "timm_pool": "map",
    "timm_proj": ("none", "", None),
    "timm_proj_bias": _ANY,
    "timm_drop": _ANY,
    "timm_drop_path": _ANY,
    "patch_dropout": _ANY,
    "output_tokens": _ANY,
}
_TEXT = _TRANSFORMER | {
    "context_length": _ANY,
    "vocab_size": _ANY,
    "heads": _ANY,
    "hf_tokenizer_name": _ANY,
    "hf_model_name": None,
    "hf_model_pretrained": _ANY,
    "hf_proj_type": _ANY,
    "hf_pooler_type": _ANY,
    "tokenizer_kwargs": _ANY,
    "tokenizer_mode": (None, ""),
    "text_mask": _ANY,  # in training alone
    "embed_cls": False,
    "pad_id": _ANY,
    "correct_cls_mask": _ANY,  # of embed_cls
    "proj_type": "linear",
}
_CAUSAL = {"no_causal_mask": False, "pool_type": "argmax", "proj_bias": False}
_SIGLIP = {"no_causal_mask": True, "pool_type": "last", "proj_bias": True}


def read_open_clip_config(folder):
    """Reads the file and refuses whatever the model would do that kclip does not.

    Args:
        folder: holds `open_clip_config.json`.

    Returns:
        The dicts `model_cfg` and `preprocess_cfg`.

    Raises:
        UserError: the file is missing or damaged, or the model is neither a CLIP of two standard
            transformers nor a SigLIP with a timm tower.
    """
    path = Path(folder) / CONFIG
    if not path.is_file():
        raise UserError(f"{str(folder)!r} holds no {CONFIG}; give the folder of an open_clip model")
    config = read_object(path)
    model = config.get("model_cfg")
    if not isinstance(model, dict) or not all(
        isinstance(model.get(side), dict) for side in ("vision_cfg", "text_cfg")
    ):
        raise UserError(f"{str(path)!r} has no model_cfg of two towers; download it again")
    if isinstance(layers := model["vision_cfg"].get("layers"), list):
        raise UserError(
            f"{str(path)!r} says layers {layers} in vision_cfg, which is a ResNet; kclip reads "
            "open_clip's transformers alone"
        )
    siglip = bool(model["vision_cfg"].get("timm_model_name"))
    _check(path, "model_cfg", model, _MODEL)
    _check(path, "vision_cfg", model["vision_cfg"], _TIMM if siglip else _IMAGE)
    _check(path, "text_cfg", model["text_cfg"], _TEXT | (_SIGLIP if siglip else _CAUSAL))
    if siglip and (missing := set(_SIGLIP) - set(model["text_cfg"])):
        raise UserError(
            f"{str(path)!r} has a timm tower beside a text_cfg without {sorted(missing)[0]}; kclip "
            "reads SigLIP's form alone: no causal mask, the last token, a projection with bias"
        )
    return model, config.get("preprocess_cfg") or {}


def _check(path, section, config, known):
    for key, value in config.items():
        allowed = known.get(key, ())
        if allowed is _ANY:
            continue
        allowed = allowed if isinstance(allowed, tuple) else (allowed,)
        if value not in allowed:
            takes = f" ({key} may be {allowed[0]!r})" if allowed else ""
            raise UserError(
                f"{str(path)!r} says {key} {value!r} in {section}, which kclip does not do{takes}; "
                "it reads open_clip's standard transformers and its SigLIP"
            )
