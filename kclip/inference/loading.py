"""From a name or a folder to a model that can be asked at once."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kclip.data.images.opening import load_image, to_rgb
from kclip.data.sources.text_files import read_json
from kclip.errors import UserError

# What a local folder of KerasHub's CLIP or SigLIP may name besides plain values.
_KERAS_HUB_CLASSES = {
    f"keras_hub>{family}{part}"
    for family in ("CLIP", "SigLIP")
    for part in ("Backbone VisionEncoder TextEncoder Tokenizer ImageConverter Preprocessor".split())
} | {"keras.DTypePolicy"}
_KERAS_HUB_BACKBONES = {"keras_hub>CLIPBackbone", "keras_hub>SigLIPBackbone"}
_EXPORT_FILE = "export.json"
_EXPORT_NUMBERS = ["image_size", "sequence_length", "projection_dim", "logit_scale", "logit_bias"]


def load(name_or_path: str | Path, dtype: str = "float32") -> tuple[Any, Callable, Callable]:
    """Loads a model with what prepares its inputs, as `clip.load` of OpenAI does.

    Args:
        name_or_path: a model folder of kclip, a Hugging Face folder of CLIP, MetaCLIP 2, SigLIP or
            SigLIP 2 (`config.json` and `model.safetensors`), a folder of open_clip
            (`open_clip_config.json` and `open_clip_model.safetensors`), a KerasHub preset of CLIP
            or SigLIP by its name, such as "clip_vit_base_patch32", a local folder of one, or a
            folder that `export_model` wrote as ONNX, which onnxruntime runs.
        dtype: dtype policy of the model; an export is float32.

    Returns:
        model: with `encode_image`, `encode_text`, `logits_per_image`, `predict_probabilities`;
            see `kclip.models.ImageTextModel`.
        preprocess: function from an image, as a path, encoded bytes, a Pillow image or a uint8
            array (H, W, 3), to a uint8 array (S, S, 3) of the model's size.
        tokenize: function from a string or a list of B strings to the dict of arrays (B, L) that
            `encode_text` takes; long texts are cut.

    Raises:
        UserError: there is no such folder or preset, it is of another kind, it is damaged, or it
            cannot be reached.

    Example:
    >>> model, preprocess, tokenize = load("runs/demo/model")
    >>> images = np.stack([preprocess("cat.jpg")])
    >>> model.predict_probabilities(images, tokenize(["a cat", "a dog"])).shape
    (1, 2)
    """
    model, preprocessor = load_model(name_or_path, dtype)

    def preprocess(image: str | Path | bytes | Image.Image | np.ndarray) -> np.ndarray:
        return preprocessor.prepare(_image(image))

    def tokenize(texts: str | list[str]) -> dict[str, np.ndarray]:
        return {name: np.asarray(ids) for name, ids in preprocessor.tokenize(texts).items()}

    return model, preprocess, tokenize


def load_model(name_or_path: str | Path, dtype: str = "float32") -> tuple[Any, Any]:
    """Loads a model and its preprocessor; arguments and errors as in `load`."""
    from kclip.models.folder.checks import kind_of_model

    if "://" in str(name_or_path):
        raise UserError(
            f"{str(name_or_path)!r} lies on a hub, where kclip cannot look at it before it is "
            "built; download the folder and give its path"
        )
    folder = Path(name_or_path)
    if not folder.is_dir():
        return _load_preset(str(name_or_path), dtype)
    if _is_export(folder):
        return _load_export(folder, dtype)
    if _is_open_clip(folder):
        from kclip.models.pretrained.open_clip_folder import load_open_clip_folder

        return load_open_clip_folder(folder, dtype)
    kind = kind_of_model(folder)
    if kind in _KERAS_HUB_BACKBONES:
        return _load_keras_hub_folder(folder, dtype)
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
    from kclip.models import ClipPreprocessor, DualEncoderPreprocessor
    from kclip.models.pretrained.onnx_model import OnnxModel
    from kclip.models.pretrained.onnx_tower import OnnxTower

    if dtype != "float32":
        raise UserError(f"{str(folder)!r} is an export and float32; it cannot be {dtype}")
    settings = read_json(folder / _EXPORT_FILE, [*_EXPORT_NUMBERS, "preprocessor"])
    images, texts = (OnnxTower(folder / f"onnx/{side}_tower.onnx") for side in ("image", "text"))
    clip = settings["preprocessor"] == ClipPreprocessor.__name__
    preprocessor_class = ClipPreprocessor if clip else DualEncoderPreprocessor
    preprocessor = preprocessor_class.from_preset(folder / "preprocessor")
    if preprocessor.mirror:
        preprocessor.mirror = False  # the image tower makes the mirror images by itself
    return OnnxModel(images, texts, settings), preprocessor


def _image(image: str | Path | bytes | Image.Image | np.ndarray) -> Image.Image:
    if isinstance(image, str):
        image = Path(image)
    if isinstance(image, (Path, bytes)):
        return load_image(image)
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
            raise UserError(
                f"an array of {image.dtype} {image.shape} is no image; give uint8 (H, W, 3), RGB"
            )
        return Image.fromarray(image)
    return to_rgb(image)


def _load_preset(name: str, dtype: str) -> tuple[Any, Any]:
    import keras_hub

    presets = {
        preset: family
        for family in ("CLIP", "SigLIP")
        for preset in getattr(keras_hub.models, f"{family}Backbone").presets
    }
    if name in presets:
        return _load_keras_hub(name, presets[name], dtype)
    close = difflib.get_close_matches(name, presets, n=3, cutoff=0.5)
    advice = f"did you mean {' or '.join(close)}?" if close else "such as clip_vit_base_patch32"
    raise UserError(
        f"there is no model folder {name!r}, nor a KerasHub preset of CLIP or SigLIP of that "
        f"name; give a folder, such as the model/ that train_dual_encoder wrote, or a preset "
        f"({advice})"
    )


def _load_keras_hub_folder(folder: Path, dtype: str) -> tuple[Any, Any]:
    from kclip.models.folder.checks import kind_of_model, load_preset, refuse_other_classes

    refuse_other_classes(folder, _KERAS_HUB_CLASSES)
    family = "SigLIP" if "SigLIP" in kind_of_model(folder) else "CLIP"
    return load_preset(folder, lambda: _convert(str(folder), family, dtype))


def _load_keras_hub(name: str, family: str, dtype: str) -> tuple[Any, Any]:
    try:
        return _convert(name, family, dtype)
    except UserError:
        raise
    except Exception as error:  # each hub's client raises its own kind
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(
            f"the KerasHub preset {name!r} cannot be had ({reason}); without network, give a "
            "folder: kclip reads those of Hugging Face and open_clip too"
        ) from error


def _convert(name: str, family: str, dtype: str) -> tuple[Any, Any]:
    import keras_hub

    from kclip.models import ClipPreprocessor
    from kclip.models.pretrained.keras_hub_clip import from_keras_hub, tokenizer_from_keras_hub

    backbone = getattr(keras_hub.models, f"{family}Backbone").from_preset(name, dtype="float32")
    tokenizer = getattr(keras_hub.models, f"{family}Tokenizer").from_preset(name)
    model = from_keras_hub(backbone, dtype)
    preprocessor = ClipPreprocessor(
        tokenizer_from_keras_hub(tokenizer),
        model.image_size,
        model.sequence_length,
        resize="squash" if family == "SigLIP" else "crop",
    )
    return model, preprocessor
