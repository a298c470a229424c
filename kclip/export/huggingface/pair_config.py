"""The `config.json` of a VisionTextDualEncoder."""

from typing import Any

from kclip.export.huggingface.config import tower_config
from kclip.models.pretrained.huggingface_text_config import (
    MODEL_TYPES,
    OWN_SIZES,
    first_position,
)

_VISION_TYPES = {"clip": "clip_vision_model", "siglip": "siglip_vision_model"}
_TEXT_TYPES = {family: kind for kind, family in reversed(MODEL_TYPES.items())}  # the first of two
_GELU = {"exact": "gelu", "tanh": "gelu_pytorch_tanh"}


def pair_config(model: Any, token_ids: dict[str, int]) -> dict[str, Any]:
    """The content of a `config.json`.

    Args:
        model: `DualEncoder` of which `pair_parts` takes the parts.
        token_ids: `pad_token_id`, and others of the tokenizer.
    """
    return {
        "model_type": "vision-text-dual-encoder",
        "architectures": ["VisionTextDualEncoderModel"],
        "dtype": "float32",
        "projection_dim": model.projection_dim,
        "logit_scale_init_value": float(model.logit_scale.log_scale),
        "vision_config": _vision_config(model.image_encoder),
        "text_config": _text_config(model.text_encoder, token_ids),
    }


def _vision_config(encoder: Any) -> dict[str, Any]:
    numbers = encoder.numbers
    tower = numbers["tower"]
    config = {
        "image_size": numbers["image_size"],
        "patch_size": numbers["patch_size"],
        "num_channels": 3,
        **tower_config(tower),
    }
    if numbers["architecture"] != "vit":
        return {"model_type": _VISION_TYPES[numbers["architecture"]], **config}
    if not tower.get("layer_scale"):
        kind = "deit" if tower.get("distillation_token") else "vit"
        return {"model_type": kind, "qkv_bias": True, "pooler_act": "linear", **config}
    registers = tower.get("num_registers", 0)
    kind = "dinov2_with_registers" if registers else "dinov2"
    ratio = tower["intermediate_dim"] // tower["hidden_dim"]
    own = {"mlp_ratio": ratio, "qkv_bias": True, "use_swiglu_ffn": False}
    own |= {"num_register_tokens": registers} if registers else {}
    return {"model_type": kind, **own, **config}


def _text_config(encoder: Any, token_ids: dict[str, int]) -> dict[str, Any]:
    numbers, family = encoder.numbers, encoder.family
    own = {OWN_SIZES[name][0]: value for name, value in (encoder.sizes or {}).items()}
    norm = next(layer for layer in encoder.backbone.layers if layer.name == "embeddings_layer_norm")
    positions = numbers["max_sequence_length"] + first_position(family, token_ids)
    return {
        "type_vocab_size": 1,  # of families that kclip gives no segments
        **own,
        "model_type": _TEXT_TYPES[family],
        "vocab_size": numbers["vocabulary_size"],
        "num_hidden_layers": numbers["num_layers"],
        "num_attention_heads": numbers["num_heads"],
        "hidden_size": numbers["hidden_dim"],
        "intermediate_size": numbers["intermediate_dim"],
        "hidden_act": _GELU[encoder.gelu],
        "hidden_dropout_prob": numbers["dropout"],
        "attention_probs_dropout_prob": numbers["dropout"],
        "max_position_embeddings": positions,
        "layer_norm_eps": norm.epsilon,
        **token_ids,
    }
