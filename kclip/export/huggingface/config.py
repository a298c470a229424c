"""A model's numbers as transformers' `config.json` says them."""

from collections.abc import Mapping
from typing import Any

from kclip.errors import UserError
from kclip.models import CLIP
from kclip.models.pretrained.huggingface_clip import ACTIVATIONS, LEGACY_END

_NAMES = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())}  # the first of two
_MODELS = {"clip": "CLIPModel", "metaclip_2": "MetaClip2Model", "siglip": "SiglipModel"}


def clip_config(model: CLIP, token_ids: Mapping[str, int]) -> dict[str, Any]:
    """The content of a `config.json`.

    Args:
        model: CLIP or SigLIP.
        token_ids: `bos_token_id`, `eos_token_id` and `pad_token_id` of its tokenizer.

    Raises:
        UserError: the model has a logit bias where transformers' has none, or the other way round.
    """
    numbers = model.numbers
    siglip = numbers["architecture"] == "siglip"
    if siglip != (model.logit_scale.bias is not None):
        raise UserError(
            f"the model is a {'SigLIP without' if siglip else 'CLIP with'} a logit bias, which "
            "transformers has no class for; leave huggingface out of --format (onnx, litert and "
            "saved_model take it)"
        )
    kind, end = _kind_and_end(numbers, token_ids, siglip)
    width = "projection_size" if siglip else "projection_dim"
    projection = {width: numbers["projection_dim"]}
    image = {"image_size": numbers["image_size"], "patch_size": numbers["patch_size"]}
    text = {
        "vocab_size": numbers["vocabulary_size"],
        "max_position_embeddings": numbers["sequence_length"],
        "bos_token_id": None,  # transformers has one of its own where a file says nothing
        **token_ids,
        "eos_token_id": end,
        **projection,
    }
    return {
        "model_type": kind,
        "architectures": [_MODELS[kind]],
        "dtype": "float32",
        **({} if siglip else projection),
        "vision_config": {
            "model_type": f"{kind}_vision_model",
            "num_channels": 3,
            **tower_config(numbers["image_tower"]),
            **image,
            **({} if siglip else projection),
        },
        "text_config": {
            "model_type": f"{kind}_text_model",
            **tower_config(numbers["text_tower"]),
            **text,
        },
    }


def _kind_and_end(
    numbers: Mapping[str, Any], token_ids: Mapping[str, int], siglip: bool
) -> tuple[str, int]:
    """The type of the model, and the id at which its texts end."""
    end = numbers["end_token_id"]
    if siglip:
        return "siglip", token_ids["eos_token_id"]
    if end is None:
        return "clip", LEGACY_END  # which has transformers look for the highest id
    # Where texts really end with that id, only MetaCLIP 2's class takes it at its word.
    return "metaclip_2" if end == LEGACY_END else "clip", end


def tower_config(tower: Mapping[str, Any]) -> dict[str, Any]:
    """The sizes of a transformer of CLIP's by transformers' names."""
    return {
        "hidden_size": tower["hidden_dim"],
        "num_hidden_layers": tower["num_layers"],
        "num_attention_heads": tower["num_heads"],
        "intermediate_size": tower["intermediate_dim"],
        "hidden_act": _NAMES[tower["activation"]],
        "layer_norm_eps": tower["epsilon"],
    }
