import warnings

import keras
import keras_hub
from keras import ops

from kclip.errors import UserError
from kclip.models.towers.image_tower import ImageTowerModel

# Classes of KerasHub -> tokens before the patches, or None where they give a feature map.
FAMILIES = {
    "ViTBackbone": 1,
    "DeiTBackbone": 2,
    "DINOV2Backbone": 1,
    "DINOV3Backbone": 1,
    "SwinTransformerBackbone": 0,
    "ResNetBackbone": None,
    "EfficientNetBackbone": None,
    "MobileNetBackbone": None,
    "HGNetV2Backbone": None,
}
# Swin takes the mask of its windows as an argument, for which Keras warns of a mask that is lost.
warnings.filterwarnings("ignore", r"Layer '.*' \(of type WindowAttention\) was passed", UserWarning)
_NO_NUMBERS = {"name", "trainable", "dtype"}


@keras.saving.register_keras_serializable("kclip")
class KerasHubImageEncoder(ImageTowerModel):
    """An image tower of KerasHub: its feature is the class token, or the mean over its positions.

    Args:
        family: a key of `FAMILIES`.
        numbers: dict, the arguments of that class.
        image_size: int. Height and width S of the input in pixels.
        scale, offset: float or three floats each: pixels in [0, 255] are multiplied by `scale`,
            and `offset` is added, as an `ImageConverter` of KerasHub does.
        dtype: dtype policy.

    Input: float tensor (B, S, S, 3), RGB in [0, 255].
    Output: float tensor (B, C). The positions, (B, H, W, C), are a `SpatialEncoder`'s.

    Example:
    >>> numbers = dict(patch_size=8, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16)
    >>> encoder = KerasHubImageEncoder("ViTBackbone", numbers, image_size=32)
    >>> encoder(keras.ops.zeros((2, 32, 32, 3))).shape
    TensorShape([2, 8])
    """

    def __init__(
        self, family, numbers, image_size, scale=1 / 255, offset=0.0, dtype=None, **kwargs
    ):
        if family not in FAMILIES:
            raise ValueError(f"family is one of {', '.join(FAMILIES)}, got {family!r}")

        # === Layers ===
        shape = (image_size, image_size, 3)
        constructor = getattr(keras_hub.models, family)
        # In float32: bfloat16 has no numbers between 128 and 129.
        self.rescaling = keras.layers.Rescaling(scale, offset, dtype="float32", name="rescaling")
        self.backbone = constructor(**{**numbers, "image_shape": shape}, dtype=dtype)

        # === Functional Model ===
        image = keras.Input(shape, name="image")
        pixels = self.rescaling(image)
        inputs = self.backbone.input
        outputs = self.backbone({name: pixels for name in inputs} if _named(inputs) else pixels)
        if _named(outputs):
            outputs = list(outputs.values())[-1]  # of the last stage
        features, positions = _split(family, numbers, outputs)
        super().__init__(inputs=image, outputs=features, dtype=dtype, **kwargs)

        # === Config ===
        self.spatial_output = positions
        self.backbone_name = family
        self.numbers = {
            "family": family,
            "numbers": numbers,
            "image_size": image_size,
            "scale": scale,
            "offset": offset,
        }

    @classmethod
    def from_backbone(cls, backbone, image_size, scale, offset, **kwargs):
        """A tower with the weights of a KerasHub backbone; arguments as of the constructor."""
        numbers = {k: v for k, v in backbone.get_config().items() if k not in _NO_NUMBERS}
        family = type(backbone).__name__
        if family == "EfficientNetBackbone":
            numbers["num_features"] = backbone.output_shape[-1]  # its config leaves it out
        encoder = cls(family, numbers, image_size, scale, offset, **kwargs)
        encoder.backbone.set_weights(backbone.get_weights())
        return encoder

    @property
    def blocks(self):
        """See `ImageTowerModel`: the blocks of a transformer, else each layer with weights."""
        blocks = []
        for layer in self.backbone.layers:
            inner = [part for part in layer._flatten_layers(include_self=False) if part.weights]
            repeated = [part for part in inner if _is_block(part)]
            if repeated:
                blocks += [[part] for part in repeated]
                held = {id(part) for block in repeated for part in block._flatten_layers()}
                blocks[-1] += [part for part in inner if id(part) not in held]
            elif layer.weights:
                blocks.append([layer])
        return blocks

    @property
    def transformer_blocks(self):
        """See `ImageTowerModel`."""
        return [part for part in self.backbone._flatten_layers() if _is_block(part)]

    def enable_lora(self, rank, alpha=None):
        """Low-rank adapters on the queries and values of a transformer, by KerasHub."""
        if FAMILIES[self.backbone_name] is None:
            raise UserError(
                "low-rank adapters are for the attention of transformers, which "
                f"{self.backbone_name!r} has not; train its last layers instead (last:N)"
            )
        super().enable_lora(rank)

    def get_config(self):
        return {**super().get_config(), **self.numbers}


# KerasHub's classes of a transformer's repeated part.
_BLOCKS = (
    "ViTEncoderBlock",
    "DeiTEncoderBlock",
    "DINOV2Layer",
    "DINOV3Layer",
    "SwinTransformerStage",
)


def _is_block(layer):
    return type(layer).__name__ in _BLOCKS


def _named(tensors):
    return isinstance(tensors, dict)


def _split(family, numbers, outputs):
    """The feature (B, C) and the positions (B, H, W, C) of a backbone's output."""
    num_first = FAMILIES[family]
    if num_first is None:
        return keras.layers.GlobalAveragePooling2D(name="pooling")(outputs), outputs
    num_first += numbers.get("num_register_tokens", 0)
    if not numbers.get("use_class_token", True):
        num_first = 0
    patches = outputs[:, num_first:]
    side = round(patches.shape[1] ** 0.5)
    positions = ops.reshape(patches, (-1, side, side, patches.shape[2]))
    return outputs[:, 0] if num_first else ops.mean(patches, axis=1), positions
