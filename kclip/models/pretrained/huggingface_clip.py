"""CLIP, MetaCLIP 2 and SigLIP as transformers keeps them: `config.json`, `model.safetensors`."""

import numpy as np

from kclip.errors import UserError
from kclip.models.clip.clip import CLIP
from kclip.models.pretrained.huggingface_config import read_config
from kclip.models.pretrained.safetensors_folder import SafetensorsFolder

ACTIVATIONS = {
    "quick_gelu": "quick_gelu",
    "gelu": "gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
}
# Constants that old files keep among the weights.
_NO_WEIGHTS = ("embeddings.position_ids", "n_averaged")
LEGACY_END = 2  # what OpenAI's config.json say, though no text ends so: the highest id is meant


def load_huggingface_clip(folder, mean=None, std=None, dtype="float32"):
    """Reads a folder of CLIP, MetaCLIP 2 or SigLIP, without PyTorch.

    Args:
        folder: with `config.json`, and `model.safetensors` or its shards and their index.
        mean: three floats for pixels in [0, 1]; None takes mean and standard deviation that the
            architecture was trained with.
        std: three floats; see `mean`.
        dtype: dtype policy of the model.

    Returns:
        `kclip.models.CLIP`.

    Raises:
        UserError: the model is of another kind, or a file is missing or damaged, or its tensors
            do not fit the config.

    Example:
    >>> model = load_huggingface_clip("clip-vit-base-patch32")
    """
    config = read_config(folder)
    kind, image, text = config["model_type"], config["vision_config"], config["text_config"]
    siglip = kind == "siglip"
    if image["num_channels"] != 3 or not image.get("vision_use_head", True):
        raise UserError(
            f"the model in {str(folder)!r} has {image['num_channels']} colour channels and its "
            f"head is {image.get('vision_use_head', True)}; kclip reads models of 3, with a head"
        )
    normalization = {"mean": mean, "std": std} if mean is not None else {}
    if siglip and not normalization:
        normalization = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    model = CLIP(
        "siglip" if siglip else "clip",
        _tower(folder, image),
        _tower(folder, text),
        image_size=image["image_size"],
        patch_size=image["patch_size"],
        vocabulary_size=text["vocab_size"],
        sequence_length=text["max_position_embeddings"],
        projection_dim=image["hidden_size"] if siglip else config.get("projection_dim", 512),
        end_token_id=_end_token_id(kind, text),
        initial_bias=-10.0 if siglip else None,
        dtype=dtype,
        **normalization,
    )
    with SafetensorsFolder(folder, anchor="logit_scale") as tensors:
        fill(model, tensors)
        tensors.refuse_leftovers(known=_NO_WEIGHTS)
    return model


def read_activation(folder, config):
    """The activation that a config names, as `FeedForward` calls it; a `UserError` for others."""
    activation = config.get("hidden_act", "gelu")
    if activation not in ACTIVATIONS:
        raise UserError(
            f"the model in {str(folder)!r} uses the activation {activation!r}; kclip knows "
            f"{', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[activation]


def _tower(folder, config):
    return {
        "hidden_dim": config["hidden_size"],
        "num_layers": config["num_hidden_layers"],
        "num_heads": config["num_attention_heads"],
        "intermediate_dim": config["intermediate_size"],
        "activation": read_activation(folder, config),
        "epsilon": config["layer_norm_eps"],
    }


def _end_token_id(kind, text):
    if kind == "siglip":
        return None
    end = text.get("eos_token_id")
    return None if end == LEGACY_END and kind == "clip" else end


def fill(model, tensors):
    """Copies weights into a `CLIP`.

    Args:
        model: of the weights' sizes.
        tensors: with `read(name, shape)` and `read_scalar(name)`, by the names of transformers.
    """
    siglip = model.numbers["architecture"] == "siglip"
    patch, image, text = "vision_model.embeddings.patch_embedding", "vision_model", "text_model"
    embedding = model.image_encoder.patch_embedding
    kernel = embedding.projection.kernel
    height, width, channels, dim = kernel.shape
    weight = tensors.read(f"{patch}.weight", (dim, channels, height, width))
    kernel.assign(weight.transpose(2, 3, 1, 0))
    _copy(tensors, f"{image}.embeddings.position_embedding.weight", embedding.positions)
    if siglip:
        _copy(tensors, f"{patch}.bias", embedding.projection.bias)
        _fill_attention_pooling(model.image_encoder.pooling, tensors, f"{image}.head")
    else:
        _copy(tensors, f"{image}.embeddings.class_embedding", embedding.class_token)
        fill_norm(model.image_encoder.input_norm, tensors, f"{image}.pre_layrnorm")
        fill_dense(model.image_projection, tensors, "visual_projection")
    _fill_blocks(model.image_encoder.transformer_blocks, tensors, image)
    fill_norm(model.image_encoder.output_norm, tensors, f"{image}.post_layernorm")

    tokens = model.text_encoder.token_embedding
    _copy(tensors, f"{text}.embeddings.token_embedding.weight", tokens.token_embedding.embeddings)
    _copy(
        tensors,
        f"{text}.embeddings.position_embedding.weight",
        tokens.position_embedding.position_embeddings,
    )
    _fill_blocks(model.text_encoder.transformer_blocks, tensors, text)
    fill_norm(model.text_encoder.output_norm, tensors, f"{text}.final_layer_norm")
    fill_dense(model.text_projection, tensors, f"{text}.head" if siglip else "text_projection")

    model.logit_scale.log_scale.assign(tensors.read_scalar("logit_scale"))
    if model.logit_scale.bias is not None:
        model.logit_scale.bias.assign(tensors.read_scalar("logit_bias"))


def _fill_blocks(blocks, tensors, side):
    for number, block in enumerate(blocks):
        prefix = f"{side}.encoder.layers.{number}"
        fill_norm(block.norm, tensors, f"{prefix}.layer_norm1")
        dim = block.attention_output.kernel.shape[0]
        names = [f"{prefix}.self_attn.{part}_proj" for part in "qkv"]
        kernels = [tensors.read(f"{name}.weight", (dim, dim)).T for name in names]
        biases = [tensors.read(f"{name}.bias", (dim,)) for name in names]
        block.query_key_value.kernel.assign(np.concatenate(kernels, axis=1))
        block.query_key_value.bias.assign(np.concatenate(biases))
        fill_dense(block.attention_output, tensors, f"{prefix}.self_attn.out_proj")
        _feed_forward(block.feed_forward, tensors, f"{prefix}.layer_norm2", f"{prefix}.mlp")


def _fill_attention_pooling(head, tensors, prefix):
    dim = head.probe.shape[-1]
    head.probe.assign(tensors.read(f"{prefix}.probe", (1, 1, dim))[0])
    weight = tensors.read(f"{prefix}.attention.in_proj_weight", (3 * dim, dim)).T
    bias = tensors.read(f"{prefix}.attention.in_proj_bias", (3 * dim,))
    for dense, part in ((head.query, slice(dim)), (head.key_value, slice(dim, None))):
        dense.kernel.assign(weight[:, part])
        dense.bias.assign(bias[part])
    fill_dense(head.attention_output, tensors, f"{prefix}.attention.out_proj")
    _feed_forward(head.feed_forward, tensors, f"{prefix}.layernorm", f"{prefix}.mlp")


def _feed_forward(layer, tensors, norm, mlp):
    fill_norm(layer.norm, tensors, norm)
    fill_dense(layer.inner, tensors, f"{mlp}.fc1")
    fill_dense(layer.outer, tensors, f"{mlp}.fc2")


def fill_norm(layer, tensors, name):
    """Copies gain and bias into a norm; `tensors` as of `fill`, `name` without its ending."""
    _copy(tensors, f"{name}.weight", layer.gamma)
    _copy(tensors, f"{name}.bias", layer.beta)


def fill_dense(layer, tensors, name):
    """The same for a dense layer, whose kernel PyTorch keeps transposed."""
    layer.kernel.assign(tensors.read(f"{name}.weight", layer.kernel.shape[::-1]).T)
    if layer.use_bias:
        _copy(tensors, f"{name}.bias", layer.bias)


def _copy(tensors, name, variable):
    variable.assign(tensors.read(name, variable.shape))
