"""From a name or a folder to a model that can be asked at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kclip.console.offline import network
from kclip.data.images.opening import ImageSource, load_image
from kclip.data.sources.text_files import read_json
from kclip.errors import UserError
from kclip.files.checksums import refuse_changed_files

_EXPORT_FILE = "export.json"
_EXPORT_NUMBERS = ["image_size", "sequence_length", "projection_dim", "logit_scale", "logit_bias"]


def load(
    name_or_path: str | Path,
    dtype: str = "float32",
    offline: bool = False,
    adapters: str | Path | None = None,
) -> tuple[Any, Callable, Callable]:
    """Loads a model with what prepares its inputs, as `clip.load` of OpenAI does.

    Args:
        name_or_path: a model folder of kclip, a Hugging Face folder of CLIP, MetaCLIP 2, SigLIP or
            SigLIP 2 (`config.json` and `model.safetensors`), a folder of open_clip
            (`open_clip_config.json` and `open_clip_model.safetensors`), a KerasHub preset of CLIP
            or SigLIP by its name, such as "clip_vit_base_patch32", a local folder of one, a model
            of the Hugging Face hub by its name ("owner/name", "hf://owner/name@revision"), or a
            folder that `export_model` wrote as ONNX, which onnxruntime runs.
        dtype: dtype policy of the model; an export is float32.
        offline: whether to ask no hub: what is not in its cache is refused. So it is, too, with
            the environment variable `HF_HUB_OFFLINE=1`.
        adapters: the adapters/ folder of a run that fine-tuned this model with --image.train
            lora:R or --text.train lora:R, which gives it the weights of that run's model.

    Returns:
        model: with `encode_image`, `encode_text`, `logits_per_image`, `predict_probabilities`;
            see `kclip.models.ImageTextModel`.
        preprocess: function from an image, as a path, encoded bytes, a Pillow image or a uint8
            array (H, W, 3), to a uint8 array (S, S, 3) of the model's size.
        tokenize: function from a string or a list of B strings to the dict of arrays (B, L) that
            `encode_text` takes; long texts are cut.

    Raises:
        UserError: there is no such folder or preset, it is of another kind, it is damaged, or it
            cannot be reached; or the adapters belong to another one.

    Example:
    >>> model, preprocess, tokenize = load("runs/demo/model")
    >>> images = np.stack([preprocess("cat.jpg")])
    >>> model.predict_probabilities(images, tokenize(["a cat", "a dog"])).shape
    (1, 2)
    """
    with network(allowed=not offline):
        model, preprocessor = load_model(name_or_path, dtype)
    if adapters is not None:
        from kclip.models.folder.adapters import add_adapters

        refuse_export(name_or_path)
        add_adapters(model, name_or_path, adapters)

    def preprocess(image: ImageSource) -> np.ndarray:
        return preprocessor.prepare(load_image(image))

    def tokenize(texts: str | list[str]) -> dict[str, np.ndarray]:
        return {name: np.asarray(ids) for name, ids in preprocessor.tokenize(texts).items()}

    return model, preprocess, tokenize


def load_model(name_or_path: str | Path, dtype: str = "float32") -> tuple[Any, Any]:
    """Loads a model and its preprocessor; arguments and errors as in `load`."""
    from kclip.models.folder.checks import kind_of_model
    from kclip.models.pretrained.hub import local_folder
    from kclip.models.pretrained.keras_hub_folder import (
        BACKBONES,
        load_keras_hub_folder,
        load_keras_hub_preset,
    )

    folder = local_folder(name_or_path)
    if not folder.is_dir():
        if "://" in str(name_or_path):
            raise UserError(
                f"{str(name_or_path)!r} lies on a hub that kclip does not ask; download the "
                "folder and give its path"
            )
        return load_keras_hub_preset(str(name_or_path), dtype)
    if _is_export(folder):
        return _load_export(folder, dtype)
    if _is_open_clip(folder):
        from kclip.models.pretrained.open_clip_folder import load_open_clip_folder

        return load_open_clip_folder(folder, dtype)
    kind = kind_of_model(folder)
    if kind in BACKBONES:
        return load_keras_hub_folder(folder, dtype)
    if kind == "kclip>CLIP":
        from kclip.models import CLIP, ClipPreprocessor

        return CLIP.from_preset(folder, dtype=dtype), ClipPreprocessor.from_preset(folder)
    if kind in ("clip", "metaclip_2", "siglip"):
        from kclip.models.pretrained.huggingface_folder import load_huggingface_folder

        return load_huggingface_folder(folder, dtype)
    from kclip.models import DualEncoder, DualEncoderPreprocessor

    # Refuses whatever else it may be.
    model = DualEncoder.from_preset(folder, dtype=dtype)
    return model, DualEncoderPreprocessor.from_preset(folder)


def holds_both_towers(name_or_path: str | Path) -> bool:
    """Whether a folder or preset is a model of images and texts, not one tower alone."""
    from kclip.models.folder.checks import kind_of_model
    from kclip.models.pretrained.huggingface_config import DEFAULTS
    from kclip.models.pretrained.keras_hub_folder import BACKBONES, preset_families

    folder = Path(name_or_path)
    if not folder.is_dir():
        return str(name_or_path) in preset_families()
    if _is_export(folder) or _is_open_clip(folder):
        return True
    kinds = {*BACKBONES, *DEFAULTS, "kclip>CLIP", "kclip>DualEncoder"}
    return (folder / "config.json").is_file() and kind_of_model(folder) in kinds


def refuse_export(name_or_path: str | Path) -> None:
    """Raises a `UserError` where the model is an export, for what needs a network's layers."""
    if _is_export(Path(name_or_path)):
        raise UserError(
            f"{str(name_or_path)!r} is an export, which only embeds and compares; give the model "
            "that it was made from"
        )


def _is_export(folder: Path) -> bool:
    return (folder / _EXPORT_FILE).is_file()


def _is_open_clip(folder: Path) -> bool:
    # Many folders of the hub hold the model in both forms; transformers' is then the one.
    both = (folder / "config.json").is_file() and any(folder.glob("model*.safetensors"))
    return (folder / "open_clip_config.json").is_file() and not both


def _load_export(folder: Path, dtype: str) -> tuple[Any, Any]:
    from kclip.inference.onnx_tower import OnnxTower
    from kclip.models import ClipPreprocessor, DualEncoderPreprocessor
    from kclip.models.pretrained.onnx_model import OnnxModel

    if dtype != "float32":
        raise UserError(f"{str(folder)!r} is an export and float32; it cannot be {dtype}")
    # It has the digest of its model, so it must be what was written.
    refuse_changed_files(
        folder,
        lambda name: name.startswith((_EXPORT_FILE, "onnx/", "preprocessor/")),
        "export the model again",
    )
    settings = read_json(folder / _EXPORT_FILE, [*_EXPORT_NUMBERS, "preprocessor"])
    images, texts = (OnnxTower(folder / f"onnx/{side}_tower.onnx") for side in ("image", "text"))
    clip = settings["preprocessor"] == ClipPreprocessor.__name__
    preprocessor_class = ClipPreprocessor if clip else DualEncoderPreprocessor
    preprocessor = preprocessor_class.from_preset(folder / "preprocessor")
    if preprocessor.mirror:
        preprocessor.mirror = False  # the image tower makes the mirror images by itself
    return OnnxModel(images, texts, settings), preprocessor
