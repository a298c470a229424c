"""Low-rank adapters alone: a small folder that turns a base model into a fine-tuned one."""

import hashlib
import json
from pathlib import Path

import numpy as np
from keras import ops
from safetensors.numpy import save_file

from kclip.errors import UserError
from kclip.files import folder_replaced_when_done, write_text
from kclip.files.checksums import note_checksums, refuse_changed_files
from kclip.layers.transformer_block import TransformerBlock
from kclip.models.pretrained.json_files import read_object
from kclip.models.pretrained.safetensors_folder import SafetensorsFolder

TENSORS, ABOUT = "adapters.safetensors", "adapters.json"


def low_rank_factors(model):
    """What a model's adapters add to its matrices, before they are merged.

    Args:
        model: with adapters, or without any.

    Returns:
        List of the adapted `keras.Variable` and two float32 arrays whose product is added to it.
    """
    found = []
    for layer in model._flatten_layers():
        if isinstance(layer, TransformerBlock) and layer.lora_scale is not None:
            found.append((layer.query_key_value.kernel, *layer.lora_factors()))
        elif getattr(layer, "lora_enabled", False):
            scale = layer.lora_alpha / layer.lora_rank
            a, b = (ops.convert_to_numpy(v) for v in (layer.lora_kernel_a, layer.lora_kernel_b))
            found.append((layer._kernel, a, scale * b))
    return found


def save_adapters(folder, model, start, factors, fraction, about):
    """Writes what was trained beside a base: adapters as factors, all else that changed whole.

    Args:
        folder: appears when it is complete: `adapters.safetensors`, with a name `N.a`, `N.b` or
            `N.value` for the weight number N of the model, and `adapters.json`.
        model: trained, its adapters merged.
        start: the base's weights, as `get_weights` gave them.
        factors: of `low_rank_factors`, before the adapters were merged.
        fraction: float in [0, 1]. How much of their change is left in the model.
        about: dict for people: the base's name, what was trained.
    """
    numbers = {id(variable): number for number, variable in enumerate(model.weights)}
    tensors = {}
    for variable, a, b in factors:
        number = numbers[id(variable)]
        tensors |= {f"{number}.a": a, f"{number}.b": (fraction * b).astype("float32")}
    for number, (before, after) in enumerate(zip(start, model.get_weights(), strict=True)):
        if f"{number}.a" not in tensors and not np.array_equal(before, after):
            tensors[f"{number}.value"] = after
    about = about | {"base_digest": _digest(start), "num_weights": len(start)}
    with folder_replaced_when_done(Path(folder)) as new:
        save_file({name: np.array(x, order="C") for name, x in tensors.items()}, new / TENSORS)
        write_text(new / ABOUT, json.dumps(about, indent=1) + "\n")
        note_checksums(new)


def add_adapters(model, name, folder):
    """Gives a base model the weights that its adapters, merged, had.

    Args:
        model: the base.
        name: of the base, for messages.
        folder: of `save_adapters`.

    Raises:
        UserError: the folder holds no adapters, or those of another base.
    """
    refuse_changed_files(Path(folder), lambda name: True, "copy the folder again, whole")
    _check_base(model, name, Path(folder))
    with SafetensorsFolder(folder, whole=TENSORS) as tensors:
        for number, variable in enumerate(model.weights):
            if f"{number}.value" in tensors.names:
                variable.assign(tensors.read(f"{number}.value", variable.shape))
            if f"{number}.a" in tensors.names:
                a, b = (tensors.read(n, tensors.shape(n)) for n in (f"{number}.a", f"{number}.b"))
                variable.assign(ops.convert_to_numpy(variable) + a @ b)
        tensors.refuse_leftovers()


def _check_base(model, name, folder):
    path, weights = folder / ABOUT, model.get_weights()
    about = read_object(path) if path.is_file() else {}
    if {"base", "base_digest", "num_weights"} - set(about):
        raise UserError(
            f"{str(folder)!r} holds no adapters that kclip wrote; give the adapters/ folder of a "
            "run with --image.train lora:R or --text.train lora:R"
        )
    own, theirs = _digest(weights), about["base_digest"]
    if own == theirs:
        return
    difference = f"the digest {own} where they want {theirs}"
    if len(weights) != about["num_weights"]:
        difference = f"{len(weights)} weights where they want {about['num_weights']}"
    raise UserError(
        f"the adapters in {str(folder)!r} belong to another base than {str(name)!r}, which has "
        f"{difference}; give {about['base']!r}, from which they were trained"
    )


def _digest(weights):
    """Names weights by their shapes and values."""
    result = hashlib.sha256()
    for weight in weights:
        result.update(str(weight.shape).encode())
        result.update(np.ascontiguousarray(weight, dtype=np.float32).data)
    return result.hexdigest()[:16]
