"""A model that answers in another precision than it was trained in."""

from typing import Any


def with_precision(model: Any, dtype: str) -> Any:
    """A copy of a model all of whose towers compute under a dtype policy, frozen ones too.

    Loading and training keep a frozen tower in float32 whatever the policy of the model is; see
    `kclip.models.folder.preset_model.tower_dtype`. Who only asks may give exactness up for speed.

    Args:
        model: `DualEncoder` or `CLIP`.
        dtype: such as "mixed_bfloat16".
    """
    config = model.get_config() | {"dtype": dtype}
    for name, tower in config.items():
        if isinstance(tower, dict) and "trainable" in tower.get("config", {}):
            config[name] = {**tower, "config": {**tower["config"], "trainable": True}}
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    for side in ("image_encoder", "text_encoder"):
        getattr(copy, side).trainable = getattr(model, side).trainable
    return copy
