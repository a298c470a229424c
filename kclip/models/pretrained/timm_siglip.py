"""What the names of timm's SigLIP image towers stand for."""

import re

from kclip.errors import UserError

_NAME = re.compile(r"vit_(?P<size>\w+?)_patch(?P<patch>\d+)_siglip_(?P<image>\d+)$")
_HEADS = {"base": 12, "large": 16, "so400m": 16, "giantopt": 16}
# Those that timm took from SigLIP 2 alone keep its tanh; the others have the exact GELU.
_TANH = {
    ("base", 32, 256),
    ("large", 16, 512),
    ("so400m", 16, 256),
    ("so400m", 16, 384),
    ("so400m", 16, 512),
    ("giantopt", 16, 256),
    ("giantopt", 16, 384),
}


def timm_siglip(name):
    """Attention heads and activation of a tower of timm's by its name.

    Raises:
        UserError: it is none of those.

    Example:
    >>> timm_siglip("vit_base_patch16_siglip_224")
    {'num_heads': 12, 'activation': 'gelu'}
    """
    match = _NAME.match(name)
    if not match or match["size"] not in _HEADS:
        raise UserError(
            f"the image tower is timm's {name!r}; kclip knows SigLIP's vit_SIZE_patchP_siglip_S of "
            f"the sizes {', '.join(_HEADS)}"
        )
    key = (match["size"], int(match["patch"]), int(match["image"]))
    return {
        "num_heads": _HEADS[match["size"]],
        "activation": "gelu_tanh" if key in _TANH else "gelu",
    }
