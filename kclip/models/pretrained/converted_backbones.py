"""Image towers of timm's and transformers' folders whose networks KerasHub has, and converts."""

from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path

from kclip.errors import UserError
from kclip.models.pretrained.converted_families import TRANSFORMERS, converter_of
from kclip.models.pretrained.image_settings import read_normalization
from kclip.models.pretrained.json_files import read_object
from kclip.models.pretrained.safetensors_folder import SafetensorsFolder
from kclip.models.pretrained.timm_efficientnet import timm_classifier
from kclip.models.towers.keras_hub_image_encoder import KerasHubImageEncoder

# Tensors that are no part of a tower: of a classifier, counts, and what follows from the config.
_HEADS = ("fc.", "classifier.", "head.", "conv_head.", "pooler.")
_KNOWN = ("num_batches_tracked", "relative_position_index")
_ANCHORS = {"swin": "embeddings.norm.weight", "dinov3_vit": "embeddings.cls_token"}
# What KerasHub builds whatever a config says.
_FIXED = {"swin": {"hidden_act": "gelu", "layer_norm_eps": 1e-5}, None: {"model_args": {}}}
_CLASSIFIERS = {"timm.convert_resnet": "fc", "timm.convert_efficientnet": "classifier"}


def load_converted(folder, image_size=None, dtype="float32", **options):
    """Reads the image tower of a folder for which there is a `converter_of`.

    The weights are read by KerasHub's own converter, but through `SafetensorsFolder`: none may be
    left over.

    Args:
        folder: with `config.json` and `model.safetensors` or its shards; of transformers also
            `preprocessor_config.json`, for mean and standard deviation of the pixels.
        image_size: int or None. Height and width of the input in pixels; None: the folder's. No
            such network has positions that would have to be interpolated.
        dtype: dtype policy.
        **options: further arguments of `KerasHubImageEncoder`, such as `name`.

    Raises:
        UserError: a file is missing or damaged, the tensors do not fit the config, or the config
            has what KerasHub's network has not.
    """
    folder = Path(folder)
    config = read_object(folder / "config.json")
    converter = import_module(f"keras_hub.src.utils.{converter_of(config)}")
    with SafetensorsFolder(folder, anchor=_ANCHORS.get(config.get("model_type"))) as tensors:
        with tensors.building():
            side, pixels = _side_and_pixels(folder, config)
            side = image_size or side
            _refuse_other_networks(folder, config, side)
            numbers = converter.convert_backbone_config(config) | {"image_shape": (side, side, 3)}
            backbone = converter.backbone_cls(**numbers, dtype="float32")
            with redirect_stdout(StringIO()):  # one of the converters prints each name
                converter.convert_weights(backbone, _Loader(tensors), config)
            encoder = KerasHubImageEncoder.from_backbone(
                backbone, side, *_scale_and_offset(**pixels), dtype=dtype, **options
            )
        tensors.refuse_leftovers(known=_KNOWN, heads=_HEADS)
    return encoder


def converted_classifier(folder, config):
    """The `Classifier` of ImageNet in such a folder.

    Raises:
        UserError: there is none, or it does not stand on the tower's features.
    """
    name = _CLASSIFIERS.get(converter_of(config))
    if name is None:
        raise UserError(
            f"the classifier in {str(folder)!r} does not stand on its tower's features, but on "
            "further layers; leave --optimization.class-pairs"
        )
    return timm_classifier(folder, name)


class _Loader:
    """`SafetensorsFolder` under the names by which KerasHub's converters ask."""

    def __init__(self, tensors):
        self._tensors = tensors

    def get_tensor(self, hf_weight_key):
        return self._tensors.read(hf_weight_key, self._tensors.shape(hf_weight_key))

    def port_weight(self, keras_variable, hf_weight_key, hook_fn=None):
        values = self.get_tensor(hf_weight_key)
        if hook_fn:
            values = hook_fn(values, list(keras_variable.shape))
        if values.size == 1:  # a single number may have an axis in the one and none in the other
            values = values.reshape(keras_variable.shape)
        keras_variable.assign(values)


def _side_and_pixels(folder, config):
    """Height and width of the input, and mean and standard deviation of pixels in [0, 1]."""
    if config.get("model_type") in TRANSFORMERS:
        return config["image_size"], read_normalization(folder)
    said = config["pretrained_cfg"]
    return said["input_size"][-1], {name: said[name] for name in ("mean", "std")}


def _scale_and_offset(mean, std):
    scale = [1 / (255 * s) for s in std]
    return scale, [-m / s for m, s in zip(mean, std, strict=True)]


def _refuse_other_networks(folder, config, side):
    """Raises a `UserError` where KerasHub would build another network than the config's."""
    kind = config.get("model_type")
    for name, fixed in _FIXED.get(kind, {}).items():
        if (found := config.get(name, fixed)) != fixed:
            raise UserError(
                f"config.json in {str(folder)!r} says {name} {found}; KerasHub builds such a "
                f"network with {fixed} alone, so give another folder"
            )
    if kind == "swin":
        grids = [side // config["patch_size"] // 2**stage for stage in range(len(config["depths"]))]
        whole = side % (config["patch_size"] * 2 ** (len(grids) - 1)) == 0
        if not whole or any(grid % config["window_size"] for grid in grids):
            raise UserError(
                f"at {side} pixels the windows of {config['window_size']} of {str(folder)!r} do "
                f"not cut its grids ({', '.join(map(str, grids))}) into whole ones; give another "
                "size as --image.size"
            )
