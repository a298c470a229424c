"""Which folders of timm and transformers hold an image tower that KerasHub converts."""

import re

# What a config calls itself -> KerasHub's module that converts it. Those alone whose features are
# the original's to the noise of float32: tests/models/pretrained/test_converted_backbones.py.
TIMM = {
    r"resnet(18|26|34|50|101|152)": "timm.convert_resnet",
    r"efficientnet_b[0-5]": "timm.convert_efficientnet",
    r"mobilenetv3_(small_(050|100)|large_100)": "timm.convert_mobilenet",
    r"hgnetv2_b[0-6]": "timm.convert_hgnetv2",
}
TRANSFORMERS = {
    "swin": "transformers.convert_swin_transformer",
    "dinov3_vit": "transformers.convert_dinov3",
}
NAMES = "timm's EfficientNet, ResNet, MobileNetV3 or HGNetV2, or Hugging Face's Swin or DINOv3"


def converter_of(config):
    """The converter of what a `config.json` describes; None where there is none.

    Args:
        config: dict.

    Example:
    >>> converter_of({"architecture": "resnet50", "pretrained_cfg": {}})
    'timm.convert_resnet'
    """
    if "pretrained_cfg" in config:
        architecture = str(config.get("architecture"))
        return next((of for name, of in TIMM.items() if re.fullmatch(name, architecture)), None)
    return TRANSFORMERS.get(str(config.get("model_type")))
