import keras
import keras_hub
import numpy as np

from kclip.layers.end_token_pooling import EndTokenPooling
from kclip.models.clip.transformer import (
    ARCHITECTURES,
    enable_lora,
    layer_norm,
    tower_blocks,
    transformer_blocks,
)
from kclip.models.towers.text_tower import TextTowerModel


@keras.saving.register_keras_serializable("kclip")
class ClipTextEncoder(TextTowerModel):
    """The text tower of CLIP (Radford et al. 2021) or SigLIP (Zhai et al. 2023): a transformer.

    CLIP's tokens see themselves and those before them, and its feature is the end token. SigLIP's
    see all, padding too, and its feature is the last token.

    Args:
        architecture: "clip" or "siglip".
        tower: dict of the tower's numbers; see `kclip.models.CLIP`.
        vocabulary_size: int.
        sequence_length: int. The most tokens of a text.
        end_token_id: of the `EndTokenPooling` ("clip").
        dtype: dtype policy.

    Inputs: dict of int32 `token_ids`, (B, L); with "siglip" L is `sequence_length`, with "clip" any
    length up to it.
    Output: float tensor (B, C), C the tower's `hidden_dim`.

    Example:
    >>> tower = dict(hidden_dim=32, num_layers=2, num_heads=2, intermediate_dim=64)
    >>> tower |= dict(activation="quick_gelu", epsilon=1e-5)
    >>> ClipTextEncoder("clip", tower, vocabulary_size=120, sequence_length=16).output_shape
    (None, 32)
    """

    def __init__(
        self,
        architecture,
        tower,
        vocabulary_size,
        sequence_length,
        end_token_id=None,
        dtype=None,
        **kwargs,
    ):
        if architecture not in ARCHITECTURES:
            raise ValueError(f"architecture is one of {ARCHITECTURES}, got {architecture!r}")

        # === Layers ===
        siglip = architecture == "siglip"
        self.token_embedding = keras_hub.layers.TokenAndPositionEmbedding(
            vocabulary_size,
            sequence_length,
            tower["hidden_dim"],
            dtype=dtype,
            name="token_embedding",
        )
        self.transformer_blocks = transformer_blocks(tower, dtype, causal=not siglip)
        self.pooling = None if siglip else EndTokenPooling(end_token_id, dtype=dtype)
        self.output_norm = layer_norm(tower, dtype, "output_norm")

        # === Functional Model ===
        length = sequence_length if siglip else None
        token_ids = keras.Input((length,), dtype="int32", name="token_ids")
        x = self.token_embedding(token_ids)
        for block in self.transformer_blocks:
            x = block(x)
        # A norm is of each token by itself, so only the token that is kept needs it.
        pooled = self.pooling(x, token_ids) if self.pooling else x[:, -1]
        super().__init__(
            inputs={"token_ids": token_ids},
            outputs=self.output_norm(pooled),
            dtype=dtype,
            **kwargs,
        )

        # === Config ===
        self.token_output = self.output_norm(x)
        self.settings = architecture
        self.numbers = {
            "architecture": architecture,
            "tower": dict(tower),
            "vocabulary_size": vocabulary_size,
            "sequence_length": sequence_length,
            "end_token_id": end_token_id,
        }

    def lengths(self, tokens):
        """See `TextTowerModel`. CLIP's tokens see none after them, so a text ends with its end.

        Prompts of ten tokens then cost a fifth of OpenAI's 77.
        """
        if self.pooling is None:
            return super().lengths(tokens)
        ids, end = np.asarray(tokens["token_ids"]), self.pooling.end_token_id
        return np.argmax(ids if end is None else ids == end, axis=-1) + 1

    @property
    def blocks(self):
        """See `ImageTowerModel`."""
        return tower_blocks([self.token_embedding], self.transformer_blocks, [self.output_norm])

    def enable_lora(self, rank, alpha=None):
        """See `kclip.models.clip.transformer.enable_lora`."""
        enable_lora(self, rank, alpha)

    def get_config(self):
        return {**super().get_config(), **self.numbers}
