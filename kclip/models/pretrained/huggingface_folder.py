"""A Hugging Face folder of CLIP or SigLIP with its preprocessing: images and tokenizer."""

import json
from pathlib import Path

from kclip.errors import UserError
from kclip.models.clip.clip_preprocessor import ClipPreprocessor
from kclip.models.clip.clip_tokenizer import ClipTokenizer
from kclip.models.clip.siglip_tokenizer import SiglipTokenizer
from kclip.models.pretrained.huggingface_clip import load_huggingface_clip
from kclip.models.pretrained.huggingface_config import read_config

_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers


def load_huggingface_folder(folder, dtype="float32"):
    """Reads a folder: model, image preprocessing and tokenizer.

    What `preprocessor_config.json` says of the images is followed; without that file the images
    are prepared as the architecture was trained: bicubic, CLIP's cropped and SigLIP's squashed.
    The tokenizer is read from `vocab.json` and `merges.txt`, from `tokenizer.json`, or, for
    SigLIP, from `spiece.model`.

    Args:
        folder: see `load_huggingface_clip`.
        dtype: dtype policy of the model.

    Returns:
        `CLIP` and `ClipPreprocessor`; its tokenizer is None where the folder holds none.

    Raises:
        UserError: a file is missing, damaged, or asks for what kclip does not do.

    Example:
    >>> model, preprocessor = load_huggingface_folder("clip-vit-base-patch32")
    """
    folder = Path(folder)
    siglip = read_config(folder)["model_type"] == "siglip"
    images = _image_settings(folder, siglip)
    model = load_huggingface_clip(folder, images.pop("mean"), images.pop("std"), dtype)
    if images.pop("size") not in (None, model.image_size):
        raise UserError(
            f"preprocessor_config.json in {str(folder)!r} makes images of another size than the "
            f"{model.image_size} pixels of its config.json; the two belong to different models"
        )
    tokenizer = _read_tokenizer(folder, siglip)
    return model, ClipPreprocessor(tokenizer, model.image_size, model.sequence_length, **images)


def _image_settings(folder, siglip):
    settings = {"resize": "squash" if siglip else "crop", "mean": None, "std": None, "size": None}
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return settings
    config = _read_json(path)
    scale = config.get("rescale_factor", 1 / 255)
    if abs(scale * 255 - 1) > 1e-3 or config.get("do_rescale", True) is False:
        raise UserError(f"{str(path)!r} does not scale pixels by 1/255, as kclip's CLIP does")
    if config.get("resample", 3) not in _INTERPOLATIONS:
        raise UserError(
            f"{str(path)!r} resizes by Pillow's method {config['resample']}; kclip does 2 "
            "(bilinear) and 3 (bicubic)"
        )
    settings["interpolation"] = _INTERPOLATIONS[config.get("resample", 3)]
    if config.get("do_normalize", True):
        settings |= {"mean": config.get("image_mean"), "std": config.get("image_std")}
    else:
        settings |= {"mean": [0.0] * 3, "std": [1.0] * 3}
    return settings | _size(config.get("size"))


def _size(size):
    """How to get to which size, from what preprocessor_config.json calls `size`."""
    if isinstance(size, int):  # old files, of CLIP
        return {"size": size}
    if isinstance(size, dict) and "shortest_edge" in size:
        return {"size": size["shortest_edge"], "resize": "crop"}
    if isinstance(size, dict) and size.get("height") == size.get("width"):
        return {"size": size["height"], "resize": "squash"}
    return {}


def _read_tokenizer(folder, siglip):
    if siglip:
        path = folder / "spiece.model"
        return SiglipTokenizer(path.read_bytes()) if path.is_file() else None
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        merges = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
        return _clip_tokenizer(folder, _read_json(folder / "vocab.json"), merges)
    if (folder / "tokenizer.json").is_file():
        model = _read_json(folder / "tokenizer.json").get("model", {})
        merges = [" ".join(m) if isinstance(m, list) else m for m in model.get("merges", [])]
        return _clip_tokenizer(folder, model.get("vocab", {}), merges)
    return None


def _clip_tokenizer(folder, vocabulary, merges):
    merges = [merge for merge in merges if merge and not merge.startswith("#version")]
    try:
        return ClipTokenizer(vocabulary, merges)
    except (ValueError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"the tokenizer in {str(folder)!r} is not CLIP's ({reason}); download it again"
        ) from error


def _read_json(path):
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{str(path)!r} is not valid JSON; download it again")
    return content
