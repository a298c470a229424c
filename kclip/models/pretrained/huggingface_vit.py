"""ViT, DeiT and DINOv2 as transformers keeps them: `config.json`, `model.safetensors`."""

from pathlib import Path

from kclip.errors import UserError
from kclip.models.clip.clip_image_encoder import ClipImageEncoder
from kclip.models.pretrained.huggingface_clip import read_activation
from kclip.models.pretrained.huggingface_vit_tensors import vit_tensors
from kclip.models.pretrained.image_settings import read_normalization
from kclip.models.pretrained.json_files import read_object
from kclip.models.pretrained.safetensors_folder import SafetensorsFolder

MODEL_TYPES = ("vit", "deit", "dinov2", "dinov2_with_registers")
# Of models that were saved with what they were trained for.
_HEADS = ("classifier.", "cls_classifier.", "distillation_classifier.", "decoder.", "pooler.")
# Some models have none in their attention, which is one of zeros, as a new layer has it.
_OPTIONAL = ("query.bias", "key.bias", "value.bias")


def load_huggingface_vit(folder, dtype="float32", **options):
    """Reads the image tower of a Hugging Face folder, without PyTorch.

    Args:
        folder: with `config.json`, `preprocessor_config.json` for mean and standard deviation of
            the pixels, and `model.safetensors` or its shards and their index.
        dtype: dtype policy.
        **options: further arguments of the `ClipImageEncoder`, such as `name`.

    Raises:
        UserError: the model is of another kind, or a file is missing or damaged, or its tensors
            do not fit the config.

    Example:
    >>> load_huggingface_vit("vit-base").backbone_name
    'vit transformer'
    """
    folder = Path(folder)
    config = read_object(folder / "config.json")
    dino = config["model_type"].startswith("dinov2")
    if config.get("use_swiglu_ffn") or config.get("num_channels", 3) != 3:
        raise UserError(
            f"the model in {str(folder)!r} has a gated feed-forward network or other than three "
            "colour channels; kclip reads ViT, DeiT and DINOv2 up to its size large"
        )
    with SafetensorsFolder(folder, anchor="embeddings.cls_token") as tensors:
        with tensors.building():
            encoder = ClipImageEncoder(
                "vit",
                _tower(folder, config, dino),
                _side(config["image_size"]),
                _side(config["patch_size"]),
                **read_normalization(folder),
                dtype=dtype,
                **options,
            )
        for tensor in vit_tensors(encoder):
            if tensor.name in tensors.names or not tensor.name.endswith(_OPTIONAL):
                tensor.fill(tensors)
        tensors.refuse_leftovers(known=("mask_token", "position_ids"), heads=_HEADS)
    return encoder


def _tower(folder, config, dino):
    width = config["hidden_size"]
    return {
        "hidden_dim": width,
        "num_layers": config["num_hidden_layers"],
        "num_heads": config["num_attention_heads"],
        "intermediate_dim": config["mlp_ratio"] * width if dino else config["intermediate_size"],
        "activation": read_activation(folder, config),
        "epsilon": config.get("layer_norm_eps", 1e-6 if dino else 1e-12),
        "layer_scale": dino,
        "distillation_token": config["model_type"] == "deit",
        "num_registers": config.get("num_register_tokens", 0),
    }


def _side(size):
    """Of squares, which some configs give as height and width."""
    height, width = size if isinstance(size, list) else (size, size)
    if height != width:
        raise ValueError(f"{height} x {width} is no square")
    return height
