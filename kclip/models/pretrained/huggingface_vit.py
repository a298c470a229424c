"""ViT, DeiT and DINOv2 as transformers keeps them: `config.json`, `model.safetensors`."""

from pathlib import Path

import numpy as np

from kclip.errors import UserError
from kclip.models.clip.clip_image_encoder import ClipImageEncoder
from kclip.models.pretrained.huggingface_clip import fill_dense, fill_norm, read_activation
from kclip.models.pretrained.image_settings import read_normalization
from kclip.models.pretrained.json_files import building_from_config, read_object
from kclip.models.pretrained.safetensors_folder import SafetensorsFolder

MODEL_TYPES = ("vit", "deit", "dinov2", "dinov2_with_registers")
# Of models that were saved with what they were trained for.
_HEADS = ("classifier.", "cls_classifier.", "distillation_classifier.", "decoder.", "pooler.")
# What a block's tensors are called, after "encoder.layer.N.".
_NAMES = {
    "norm": "layernorm_before",
    "feed_forward_norm": "layernorm_after",
    "inner": "intermediate.dense",
    "outer": "output.dense",
}
_DINOV2_NAMES = {
    "norm": "norm1",
    "feed_forward_norm": "norm2",
    "inner": "mlp.fc1",
    "outer": "mlp.fc2",
}


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
    with building_from_config(folder):
        encoder = ClipImageEncoder(
            "vit",
            _tower(folder, config, dino),
            _side(config["image_size"]),
            _side(config["patch_size"]),
            **read_normalization(folder),
            dtype=dtype,
            **options,
        )
    with SafetensorsFolder(folder, anchor="embeddings.cls_token") as tensors:
        _fill(encoder, tensors, _DINOV2_NAMES if dino else _NAMES)
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


def _fill(encoder, tensors, names):
    embedding, width = encoder.patch_embedding, encoder.feature_dim
    patches = "embeddings.patch_embeddings.projection"
    kernel = embedding.projection.kernel
    height, side, channels, _ = kernel.shape
    weight = tensors.read(f"{patches}.weight", (width, channels, height, side))
    kernel.assign(weight.transpose(2, 3, 1, 0))
    embedding.projection.bias.assign(tensors.read(f"{patches}.bias", (width,)))
    learned = {
        "cls_token": embedding.class_token,
        "position_embeddings": embedding.positions,
        "distillation_token": getattr(embedding, "distillation_token", None),
        "register_tokens": getattr(embedding, "registers", None),
    }
    for name, variable in learned.items():
        if variable is not None:
            shape = (1, *((1, width) if variable.ndim == 1 else variable.shape))
            rows = tensors.read(f"embeddings.{name}", shape)
            variable.assign(rows.reshape(variable.shape))
    for number, block in enumerate(encoder.transformer_blocks):
        _fill_block(block, tensors, f"encoder.layer.{number}", names)
    fill_norm(encoder.output_norm, tensors, "layernorm")


def _fill_block(block, tensors, prefix, names):
    dim = block.attention_output.kernel.shape[0]
    parts = [f"{prefix}.attention.attention.{part}" for part in ("query", "key", "value")]
    kernels = [tensors.read(f"{part}.weight", (dim, dim)).T for part in parts]
    block.query_key_value.kernel.assign(np.concatenate(kernels, axis=1))
    # Some have none, which is one of zeros.
    biases = [_bias(tensors, part, dim) for part in parts]
    block.query_key_value.bias.assign(np.concatenate(biases))
    fill_dense(block.attention_output, tensors, f"{prefix}.attention.output.dense")
    feed_forward = block.feed_forward
    fill_norm(block.norm, tensors, f"{prefix}.{names['norm']}")
    fill_norm(feed_forward.norm, tensors, f"{prefix}.{names['feed_forward_norm']}")
    fill_dense(feed_forward.inner, tensors, f"{prefix}.{names['inner']}")
    fill_dense(feed_forward.outer, tensors, f"{prefix}.{names['outer']}")
    if feed_forward.layer_scale:
        for number, layer in enumerate((block, feed_forward), start=1):
            scale = tensors.read(f"{prefix}.layer_scale{number}.lambda1", (dim,))
            layer.scale.assign(scale)


def _bias(tensors, name, dim):
    if f"{name}.bias" not in tensors.names:
        return np.zeros(dim)
    return tensors.read(f"{name}.bias", (dim,))
