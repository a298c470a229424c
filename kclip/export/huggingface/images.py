"""How a model's images are prepared, as transformers' `preprocessor_config.json` says it."""

from typing import Any

from kclip.models import CLIP, ClipPreprocessor

_RESAMPLES = {"lanczos": 1, "bilinear": 2, "bicubic": 3}  # Pillow's numbers


def image_config(model: CLIP, preprocessor: ClipPreprocessor) -> dict[str, Any]:
    """The content of a `preprocessor_config.json`.

    Args:
        model: for the pixels' mean and standard deviation, which transformers takes off before.
        preprocessor: for everything else.
    """
    numbers = preprocessor.numbers
    side, size = numbers["image_size"], numbers["resize_size"]
    squash = numbers["resize"] == "squash"
    crops = not squash or size != side
    siglip = model.numbers["architecture"] == "siglip"
    return {
        "image_processor_type": "CLIPImageProcessor" if crops else "SiglipImageProcessor",
        "processor_class": "SiglipProcessor" if siglip else "CLIPProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"height": size, "width": size} if squash else {"shortest_edge": size},
        "resample": _RESAMPLES[numbers["interpolation"]],
        "do_center_crop": crops,
        "crop_size": {"height": side, "width": side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": model.numbers["mean"],
        "image_std": model.numbers["std"],
    }
