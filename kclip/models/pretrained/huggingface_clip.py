"""CLIP, MetaCLIP 2 and SigLIP as transformers keeps them: `config.json`, `model.safetensors`."""

from kclip.errors import UserError
from kclip.models.clip.clip import CLIP
from kclip.models.pretrained.huggingface_clip_tensors import clip_tensors
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
    with SafetensorsFolder(folder, anchor="logit_scale") as tensors:
        with tensors.building():
            model = CLIP(
                "siglip" if siglip else "clip",
                _tower(folder, image),
                _tower(folder, text),
                image_size=image["image_size"],
                patch_size=image["patch_size"],
                vocabulary_size=text["vocab_size"],
                sequence_length=text["max_position_embeddings"],
                projection_dim=image["hidden_size"]
                if siglip
                else config.get("projection_dim", 512),
                end_token_id=_end_token_id(kind, text),
                initial_bias=-10.0 if siglip else None,
                dtype=dtype,
                **normalization,
            )
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
    for tensor in clip_tensors(model):
        tensor.fill(tensors)
