import keras
from keras import ops

from kclip.layers.attention_pooling import AttentionPooling
from kclip.layers.patch_embedding import PatchEmbedding
from kclip.models.clip.transformer import (
    ARCHITECTURES,
    block_numbers,
    enable_lora,
    layer_norm,
    tower_blocks,
    transformer_blocks,
)
from kclip.models.towers.image_tower import ImageTowerModel

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@keras.saving.register_keras_serializable("kclip")
class ClipImageEncoder(ImageTowerModel):
    """An image tower that is a transformer: of CLIP, of SigLIP, or a ViT alone.

    CLIP's (Radford et al. 2021) and a ViT's feature is the class token, SigLIP's (Zhai et al. 2023)
    the output of an attention-pooling head.

    Args:
        architecture: "clip", "siglip" or "vit" (ViT, DeiT, DINOv2).
        tower: dict of the tower's numbers; see `kclip.models.CLIP`. A "vit" may have further ones:
            `layer_scale` (bool, DINOv2), `distillation_token` (bool, DeiT) and `num_registers`
            (int, DINOv2 with registers).
        image_size: int. Height and width S of the input in pixels.
        patch_size: int. Side of a patch in pixels.
        mean, std: three floats each, for pixels in [0, 1].
        dtype: dtype policy. Pixels are normalised in float32 under any.

    Input: float tensor (B, S, S, 3), RGB in [0, 255].
    Output: float tensor (B, C), C the tower's `hidden_dim`. Its positions, see `SpatialEncoder`,
    are the patches after the last block and norm, (B, S // patch_size, S // patch_size, C).

    Example:
    >>> tower = dict(hidden_dim=32, num_layers=2, num_heads=2, intermediate_dim=64)
    >>> tower |= dict(activation="quick_gelu", epsilon=1e-5)
    >>> ClipImageEncoder("clip", tower, image_size=32, patch_size=8).output_shape
    (None, 32)
    """

    def __init__(
        self,
        architecture,
        tower,
        image_size,
        patch_size,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        dtype=None,
        **kwargs,
    ):
        if architecture not in ARCHITECTURES:
            raise ValueError(f"architecture is one of {ARCHITECTURES}, got {architecture!r}")

        # === Layers ===
        siglip = architecture == "siglip"
        self.normalization = keras.layers.Rescaling(
            [1 / (255 * s) for s in std],
            [-m / s for m, s in zip(mean, std, strict=True)],
            dtype="float32",  # bfloat16 has no numbers between 128 and 129
            name="normalization",
        )
        self.patch_embedding = PatchEmbedding(
            patch_size,
            tower["hidden_dim"],
            class_token=not siglip,
            use_bias=architecture != "clip",
            distillation_token=tower.get("distillation_token", False),
            num_registers=tower.get("num_registers", 0),
            dtype=dtype,
            name="patch_embedding",
        )
        self.input_norm = None
        if architecture == "clip":
            self.input_norm = layer_norm(tower, dtype, "input_norm")
        self.transformer_blocks = transformer_blocks(tower, dtype)
        self.output_norm = layer_norm(tower, dtype, "output_norm")
        self.pooling = None
        if siglip:
            self.pooling = AttentionPooling(**block_numbers(tower), dtype=dtype, name="pooling")

        # === Functional Model ===
        image = keras.Input((image_size, image_size, 3), name="image")
        features, positions = self._outputs(image)
        super().__init__(inputs=image, outputs=features, dtype=dtype, **kwargs)

        # === Config ===
        side = image_size // patch_size
        self.spatial_output = ops.reshape(positions, (-1, side, side, tower["hidden_dim"]))
        self.backbone_name = f"{architecture} transformer"
        self.numbers = {
            "architecture": architecture,
            "tower": dict(tower),
            "image_size": image_size,
            "patch_size": patch_size,
            "mean": list(mean),
            "std": list(std),
        }

    def _outputs(self, image):
        """The features, (B, C), and the patches, (B, L, C), of which an embedding needs none."""
        x = self.patch_embedding(self.normalization(image))
        if self.input_norm:
            x = self.input_norm(x)
        *blocks, last = self.transformer_blocks
        for block in blocks:
            x = block(x)
        if self.pooling:
            positions = self.output_norm(last(x))
            return self.pooling(positions), positions
        # The class token alone saves most of the last block wherever no positions are asked for.
        features = self.output_norm(last(x, first_token_only=True))
        return features, self.output_norm(last(x))[:, self.patch_embedding.num_prefix :]

    @property
    def blocks(self):
        """See `ImageTowerModel`."""
        before, after = (self.patch_embedding, self.input_norm), (self.output_norm, self.pooling)
        return tower_blocks(before, self.transformer_blocks, after)

    def enable_lora(self, rank, alpha=None):
        """See `kclip.models.clip.transformer.enable_lora`."""
        enable_lora(self, rank, alpha)

    def get_config(self):
        return {**super().get_config(), **self.numbers}
