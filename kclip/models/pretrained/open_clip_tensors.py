"""The tensors of an open_clip folder by the names that transformers has for them."""

import re

import numpy as np

_BLOCK = re.compile(r"(vision_model|text_model)\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)$")
_WHOLE = {
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "text_model.head.weight": "text_projection.weight",
    "text_model.head.bias": "text_projection.bias",
}
_TRANSPOSED = {
    "visual_projection.weight": "visual.proj",
    "text_projection.weight": "text_projection",
}
_PARTS = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_TIMM_WHOLE = {
    f"vision_model.{theirs}.{kind}": f"visual.trunk.{timm}.{kind}"
    for theirs, timm in {
        "embeddings.patch_embedding": "patch_embed.proj",
        "post_layernorm": "norm",
        "head.attention.out_proj": "attn_pool.proj",
        "head.layernorm": "attn_pool.norm",
        "head.mlp.fc1": "attn_pool.mlp.fc1",
        "head.mlp.fc2": "attn_pool.mlp.fc2",
    }.items()
    for kind in ("weight", "bias")
}
_TIMM_PARTS = {
    "layer_norm1": "norm1",
    "layer_norm2": "norm2",
    "self_attn.out_proj": "attn.proj",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
_TIMM_POSITIONS = "vision_model.embeddings.position_embedding.weight"
_TIMM_POOLING = "vision_model.head."


class OpenClipTensors:
    """Reads by transformers' names what open_clip keeps under its own.

    open_clip joins queries, keys and values in one tensor, and keeps some matrices the other way
    round; a SigLIP's image tower has timm's names.

    Args:
        tensors: `SafetensorsFolder` of the weights.

    Example:
    >>> from kclip.models.pretrained.safetensors_folder import SafetensorsFolder
    >>> folder, file = "CLIP-ViT-B-32-laion2B-s34B-b79K", "open_clip_model.safetensors"
    >>> with SafetensorsFolder(folder, "logit_scale", file) as tensors:
    ...     scale = OpenClipTensors(tensors).read_scalar("logit_scale")
    """

    def __init__(self, tensors):
        self._tensors = tensors
        self._timm = any(name.startswith("visual.trunk.") for name in tensors.names)
        # A model with a text tower of its own class keeps it one level down.
        self._text = "text." if any(name.startswith("text.") for name in tensors.names) else ""

    def read(self, name, shape):
        """Reads a tensor as float32; arguments and errors as `SafetensorsFolder.read`."""
        if match := _BLOCK.match(name):
            return self._read_block(*match.groups(), tuple(shape))
        if self._timm and name == _TIMM_POSITIONS:
            return self._tensors.read("visual.trunk.pos_embed", (1, *shape))[0]
        if self._timm and name in _TIMM_WHOLE:
            return self._tensors.read(_TIMM_WHOLE[name], shape)
        if self._timm and name.startswith(_TIMM_POOLING):
            return self._read_pooling(name.removeprefix(_TIMM_POOLING), tuple(shape))
        if name in _TRANSPOSED:
            return self._tensors.read(self._placed(_TRANSPOSED[name]), shape[::-1]).T
        return self._tensors.read(self._placed(_WHOLE[name]), shape)

    def read_scalar(self, name):
        """Reads `logit_scale` or `logit_bias`."""
        return self._tensors.read_scalar(name)

    def _placed(self, name):
        return name if name.startswith("visual.") else self._text + name

    def _read_block(self, side, number, part, kind, shape):
        timm = self._timm and side == "vision_model"
        blocks = "visual.transformer.resblocks" if side == "vision_model" else None
        blocks = blocks or f"{self._text}transformer.resblocks"
        block = f"visual.trunk.blocks.{number}" if timm else f"{blocks}.{number}"
        parts = _TIMM_PARTS if timm else _PARTS
        if part in parts:
            return self._tensors.read(f"{block}.{parts[part]}.{kind}", shape)
        joined = f"{block}.attn.qkv.{kind}" if timm else f"{block}.attn.in_proj_{kind}"
        # "self_attn.q_proj": the first, second or last third of the joined rows.
        third = "qkv".index(part.removeprefix("self_attn.")[0])
        rows, *others = shape
        whole = self._tensors.read(joined, (3 * rows, *others))
        return whole[third * rows : (third + 1) * rows]

    def _read_pooling(self, part, shape):
        pool = "visual.trunk.attn_pool"
        if part == "probe":
            return self._tensors.read(f"{pool}.latent", shape)
        kind = part.removeprefix("attention.in_proj_")
        rows, *others = shape[0] // 3, *shape[1:]
        query = self._tensors.read(f"{pool}.q.{kind}", (rows, *others))
        keys_values = self._tensors.read(f"{pool}.kv.{kind}", (2 * rows, *others))
        return np.concatenate([query, keys_values])
