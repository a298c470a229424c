"""How a model's images are prepared, as transformers' `preprocessor_config.json` says it."""

from typing import Any

from kclip.models import CLIP, ClipPreprocessor, DualEncoder, DualEncoderPreprocessor

_RESAMPLES = {"lanczos": 1, "bilinear": 2, "bicubic": 3}  # Pillow's numbers


def image_config(model: CLIP, preprocessor: ClipPreprocessor) -> dict[str, Any]:
    """The content of a `preprocessor_config.json`.

    Args:
        model: for the pixels' mean and standard deviation, which transformers takes off before.
        preprocessor: for everything else.
    """
    numbers = preprocessor.numbers
    siglip = model.numbers["architecture"] == "siglip"
    return {
        "processor_class": "SiglipProcessor" if siglip else "CLIPProcessor",
        **_steps(
            numbers["image_size"],
            numbers["resize_size"],
            numbers["resize"] == "squash",
            numbers["interpolation"],
        ),
        "image_mean": model.numbers["mean"],
        "image_std": model.numbers["std"],
    }


def pair_image_config(model: DualEncoder, preprocessor: DualEncoderPreprocessor) -> dict[str, Any]:
    """The same of a model whose image tower is a `ClipImageEncoder`."""
    numbers: Any = model.image_encoder.numbers
    side, squash = preprocessor.side, preprocessor.resize_mode == "squash"
    return {
        "processor_class": "VisionTextDualEncoderProcessor",
        **_steps(side, side, squash, "bicubic"),
        "image_mean": numbers["mean"],
        "image_std": numbers["std"],
    }


def _steps(side: int, size: int, squash: bool, interpolation: str) -> dict[str, Any]:
    crops = not squash or size != side
    return {
        "image_processor_type": "CLIPImageProcessor" if crops else "SiglipImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"height": size, "width": size} if squash else {"shortest_edge": size},
        "resample": _RESAMPLES[interpolation],
        "do_center_crop": crops,
        "crop_size": {"height": side, "width": side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
    }
