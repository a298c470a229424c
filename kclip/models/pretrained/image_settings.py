"""How a Hugging Face folder says that images are prepared."""

from kclip.errors import UserError
from kclip.models.clip.clip_image_encoder import CLIP_MEAN, CLIP_STD
from kclip.models.pretrained.json_files import read_object, read_object_if_there
from kclip.reading import in_one_sentence

_RESAMPLES = {1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers
_DEFAULTS = {
    "CLIP": {
        "size": {"shortest_edge": 224},
        "crop_size": {"height": 224, "width": 224},
        "do_center_crop": True,
        "resample": 3,
        "image_mean": list(CLIP_MEAN),
        "image_std": list(CLIP_STD),
    },
    "Siglip": {
        "size": {"height": 224, "width": 224},
        "do_center_crop": False,
        "resample": 3,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    },
}
_SAID = ("size", "resample", "image_mean", "image_std", "do_center_crop")  # by other processors
_SWITCHES = {"do_resize", "do_center_crop", "do_rescale", "do_normalize"}
# What says nothing of the pixels: kclip's images are RGB, and one of them is one image.
_HARMLESS = {"image_processor_type", "feature_extractor_type", "processor_class", "do_convert_rgb"}
_HARMLESS |= {"data_format", "input_data_format", "default_to_square", "return_tensors", "device"}
_HARMLESS |= {"disable_grouping", "_valid_processor_keys"}
_COMMON = {"do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255}


def read_image_settings(folder, kind, image_size):
    """Reads `processor_config.json` (transformers 5) or `preprocessor_config.json`.

    Without either, images are prepared as the architecture was trained: bicubic, CLIP's cropped
    and SigLIP's squashed.

    Args:
        folder: Path.
        kind: "clip", "siglip" or "metaclip_2", for what the files leave out.
        image_size: int. Height and width of the model's input.

    Returns:
        Two dicts: of the model's `mean` and `std`, for pixels in [0, 1], and of the
        preprocessor's arguments.

    Raises:
        UserError: a file is damaged, asks for what kclip does not do, makes images of another
            size, or the two files contradict each other.
    """
    with _in_one_sentence(folder):
        return _read_files(folder, kind, image_size)


def _in_one_sentence(folder):
    return in_one_sentence(f"what {str(folder)!r} says of its images", "download the folder again")


def _read_files(folder, kind, image_size):
    files = {
        "processor_config.json": read_object_if_there(folder / "processor_config.json").get(
            "image_processor"
        ),
    }
    if (folder / "preprocessor_config.json").is_file():
        files["preprocessor_config.json"] = read_object(folder / "preprocessor_config.json")
    family = "Siglip" if kind == "siglip" else "CLIP"
    read = {
        name: _read(config, family, image_size, f"{name} in {str(folder)!r}")
        for name, config in files.items()
        if config
    }
    if not read:
        return _as_trained(family)
    if len(read) == 2 and read["processor_config.json"] != read["preprocessor_config.json"]:
        raise UserError(
            f"processor_config.json and preprocessor_config.json in {str(folder)!r} prepare images "
            "in different ways; remove the one that the model was not trained with"
        )
    return next(iter(read.values()))


def read_normalization(folder):
    """What a folder says of its pixels' mean and standard deviation, where nothing else counts.

    Args:
        folder: Path.

    Returns:
        A dict of `mean` and `std`, three floats each, for pixels in [0, 1].

    Raises:
        UserError: no file says them.
    """
    with _in_one_sentence(folder):
        return _read_normalization(folder)


def _read_normalization(folder):
    config = _COMMON | _said(folder)
    if config["do_normalize"] and not {"image_mean", "image_std"} <= config.keys():
        raise UserError(
            f"{str(folder)!r} says no image_mean and image_std; put the preprocessor_config.json "
            "that its weights came with beside them"
        )
    return _normalization(config)


def read_resize_mode(folder):
    """How a folder's images come to its size: "crop", which keeps proportions, or "squash".

    Args:
        folder: Path.
    """
    with _in_one_sentence(folder):
        config = _said(folder)
    size = config.get("size")
    shorter = "shortest_edge" in size if isinstance(size, dict) else isinstance(size, int)
    return "crop" if shorter and config.get("do_center_crop") else "squash"


def _said(folder):
    config = read_object_if_there(folder / "processor_config.json").get("image_processor")
    config = config or read_object_if_there(folder / "preprocessor_config.json")
    return {key: value for key, value in config.items() if value is not None}


def _as_trained(family):
    defaults = _DEFAULTS[family]
    resize = "crop" if family == "CLIP" else "squash"
    return (
        {"mean": defaults["image_mean"], "std": defaults["image_std"]},
        {"resize": resize, "interpolation": "bicubic", "crop_margin": "down"},
    )


def _read(config, family, image_size, name):
    config = {key: value for key, value in config.items() if value is not None}
    config = _COMMON | _defaults(config, family, name) | config
    unknown = [key for key in config if key.startswith("do_") and key not in _SWITCHES | _HARMLESS]
    if on := [key for key in unknown if config[key]]:
        raise UserError(f"{name} says {on[0]} {config[on[0]]}, which kclip does not do")
    if config["do_resize"] is False:
        raise UserError(f"{name} does not resize images (do_resize is false); kclip always does")
    if config["resample"] not in _RESAMPLES:
        raise UserError(
            f"{name} resizes by Pillow's method {config['resample']}; kclip does 1 (Lanczos), "
            "2 (bilinear) and 3 (bicubic)"
        )
    resize = _resize(config, image_size, name)
    interpolation = _RESAMPLES[config["resample"]]
    return _normalization(config), {
        **resize,
        "interpolation": interpolation,
        "crop_margin": "down",
    }


def _defaults(config, family, name):
    """What the processor that wrote the file does where the file says nothing."""
    processor = config.get("image_processor_type") or config.get("feature_extractor_type")
    if processor is None:
        return _DEFAULTS[family]
    for known, defaults in _DEFAULTS.items():
        if processor.startswith((f"{known}ImageProcessor", f"{known}FeatureExtractor")):
            return defaults
    known = {"crop_size", *_SAID, *_COMMON, *_HARMLESS}
    if others := [key for key in config if key not in known and not key.startswith("do_")]:
        raise UserError(
            f"{name} is of a {processor} and says {others[0]} {config[others[0]]}, which kclip "
            "does not know"
        )
    if missing := [key for key in _SAID if key not in config]:
        raise UserError(
            f"{name} is of a {processor} and leaves out {' and '.join(missing)}; kclip knows what "
            f"{' and '.join(f'{known}ImageProcessor' for known in _DEFAULTS)} do then"
        )
    return {}


def _resize(config, image_size, name):
    """The preprocessor's arguments, from `size`, `do_center_crop` and `crop_size`."""
    size = config["size"]
    if isinstance(size, int):
        size = {"shortest_edge": size}
    sides = set(size.values()) if isinstance(size, dict) else {None}
    cropped = set(size) == {"shortest_edge"} if isinstance(size, dict) else False
    squashed = isinstance(size, dict) and set(size) == {"height", "width"} and len(sides) == 1
    if not (cropped or squashed) or not isinstance(side := sides.pop(), int):
        raise UserError(
            f"{name} says size {config['size']}; kclip does one shortest_edge, or height and width "
            "that are equal"
        )
    result = side if squashed else None
    if config["do_center_crop"]:
        result = _crop_size(config, name)
    elif cropped:
        raise UserError(
            f"{name} leaves images in their own shape (a shortest_edge with do_center_crop false); "
            "the model takes squares alone"
        )
    if result != image_size:
        raise UserError(
            f"{name} makes images of another size than the {image_size} pixels of its config.json "
            f"({result}); the two belong to different models"
        )
    if side < image_size:
        raise UserError(
            f"{name} brings images to {side} pixels and fills them up to {image_size} with black; "
            "kclip does not"
        )
    return {"resize": "squash" if squashed else "crop", "resize_size": side}


def _crop_size(config, name):
    crop = config.get("crop_size")
    sides = set(crop.values()) if isinstance(crop, dict) else {crop}
    if len(sides) != 1:
        raise UserError(f"{name} says crop_size {crop}; kclip crops squares alone")
    return sides.pop()


def _normalization(config):
    """Mean and standard deviation for pixels in [0, 1], whatever range the file has them for."""
    factor = 255 * config["rescale_factor"] if config["do_rescale"] else 255.0
    if abs(factor - 1) < 1e-6:
        factor = 1.0  # 0.00392156862745098 is not 1/255 to the last bit
    normalize = config["do_normalize"]
    mean = config["image_mean"] if normalize else [0.0] * 3
    std = config["image_std"] if normalize else [1.0] * 3
    return {"mean": [m / factor for m in mean], "std": [s / factor for s in std]}
