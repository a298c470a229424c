import keras
import keras_hub
import numpy as np

from kclip.layers.attention_pooling import AttentionPooling
from kclip.layers.end_token_pooling import EndTokenPooling
from kclip.layers.logit_scale import LogitScale
from kclip.layers.patch_embedding import PatchEmbedding
from kclip.layers.transformer_block import TransformerBlock
from kclip.models.dual_encoder.contrastive_model import ContrastiveModel
from kclip.models.folder.preset_model import PresetModel

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
ARCHITECTURES = ("clip", "siglip")


@keras.saving.register_keras_serializable("kclip")
class CLIP(ContrastiveModel, PresetModel):
    """CLIP (Radford et al. 2021) or SigLIP (Zhai et al. 2023): two transformers, one space.

    Made for pretrained weights; see `kclip.load`. The two architectures differ in these points:

    | | "clip" | "siglip" |
    |---|---|---|
    | an image becomes | its class token, projected | an attention-pooling head's output |
    | a text token sees | itself and those before it | all tokens, padding too |
    | a text becomes | its end token, projected | its last token, projected |
    | a pair's logit | scale * cosine | scale * cosine + bias |

    Args:
        architecture: "clip" or "siglip".
        image_tower, text_tower: dicts of the towers' numbers: `hidden_dim`, `num_layers`,
            `num_heads`, `intermediate_dim`, `activation` ("quick_gelu", "gelu" or "gelu_tanh")
            and `epsilon` of the layer norms.
        image_size: int. Height and width of the input image in pixels.
        patch_size: int. Side of a patch in pixels.
        vocabulary_size: int.
        sequence_length: int. The most tokens of a text.
        projection_dim: int. Width D of the shared space.
        end_token_id: of the `EndTokenPooling` ("clip").
        mean, std: three floats each, for pixels in [0, 1]; the model normalises inside.
        initial_scale, initial_bias: of the `LogitScale`.
        dtype: dtype policy. Pixels, softmax, embeddings, logits and loss are float32 under any.

    Inputs: dict of `image`, (B, S, S, 3), RGB in [0, 255], and int32 `token_ids`, (B, L); with
    "siglip" L is `sequence_length`, with "clip" any length up to it.
    Outputs: dict of float32 `image_embeddings` and `text_embeddings`, (B, D), L2-normalised.

    Example:
    >>> tower = dict(hidden_dim=32, num_layers=2, num_heads=2, intermediate_dim=64)
    >>> tower |= dict(activation="quick_gelu", epsilon=1e-5)
    >>> model = CLIP("clip", tower, tower, image_size=32, patch_size=8, vocabulary_size=120,
    ...     sequence_length=16, projection_dim=16)
    >>> model.encode_image(np.zeros((1, 32, 32, 3))).shape
    (1, 16)
    """

    towers = ()  # it is built in one piece

    def __init__(
        self,
        architecture,
        image_tower,
        text_tower,
        image_size,
        patch_size,
        vocabulary_size,
        sequence_length,
        projection_dim,
        end_token_id=None,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        initial_scale=1 / 0.07,
        initial_bias=None,
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
        self._make_image_layers(image_tower, patch_size, projection_dim, siglip, dtype)
        self.token_embedding = keras_hub.layers.TokenAndPositionEmbedding(
            vocabulary_size,
            sequence_length,
            text_tower["hidden_dim"],
            dtype=dtype,
            name="token_embedding",
        )
        self._make_text_layers(text_tower, end_token_id, projection_dim, siglip, dtype)

        # === Functional Model ===
        image = keras.Input((image_size, image_size, 3), name="image")
        length = sequence_length if siglip else None
        token_ids = keras.Input((length,), dtype="int32", name="token_ids")
        outputs = {
            "image_embeddings": self.image_output(self._image_features(image)),
            "text_embeddings": self.text_output(self._text_features(token_ids)),
        }
        inputs = {"image": image, "token_ids": token_ids}
        super().__init__(inputs=inputs, outputs=outputs, dtype=dtype, **kwargs)
        # No part of the graph: it enters where the logits are formed.
        self.logit_scale = LogitScale(initial_scale, initial_bias, name="logit_scale")

        # === Config ===
        self.numbers = {
            "architecture": architecture,
            "image_tower": dict(image_tower),
            "text_tower": dict(text_tower),
            "image_size": image_size,
            "patch_size": patch_size,
            "vocabulary_size": vocabulary_size,
            "sequence_length": sequence_length,
            "projection_dim": projection_dim,
            "end_token_id": end_token_id,
            "mean": list(mean),
            "std": list(std),
            "initial_scale": initial_scale,
            "initial_bias": initial_bias,
        }

    def _make_image_layers(self, tower, patch_size, projection_dim, siglip, dtype):
        self.patch_embedding = PatchEmbedding(
            patch_size,
            tower["hidden_dim"],
            class_token=not siglip,
            dtype=dtype,
            name="patch_embedding",
        )
        self.image_input_norm = None if siglip else _norm(tower, dtype, "image_input_norm")
        self.image_blocks = _blocks("image", tower, dtype, last_gives_first=not siglip)
        self.image_norm = _norm(tower, dtype, "image_norm")
        if siglip:
            self.image_head = AttentionPooling(
                **_block_numbers(tower), dtype=dtype, name="image_head"
            )
        else:
            self.image_head = keras.layers.Dense(
                projection_dim, use_bias=False, dtype=dtype, name="image_head"
            )
        # Float32 on purpose: half precision cannot hold a unit vector's length.
        self.image_output = keras.layers.UnitNormalization(dtype="float32", name="image_embeddings")

    def _make_text_layers(self, tower, end_token_id, projection_dim, siglip, dtype):
        self.text_blocks = _blocks("text", tower, dtype, causal=not siglip)
        self.text_pooling = None if siglip else EndTokenPooling(end_token_id, dtype=dtype)
        self.text_norm = _norm(tower, dtype, "text_norm")
        self.text_head = keras.layers.Dense(
            projection_dim, use_bias=siglip, dtype=dtype, name="text_head"
        )
        self.text_output = keras.layers.UnitNormalization(dtype="float32", name="text_embeddings")

    def _image_features(self, image):
        x = self.patch_embedding(self.normalization(image))
        if self.image_input_norm:
            x = self.image_input_norm(x)
        for block in self.image_blocks:
            x = block(x)
        return self.image_head(self.image_norm(x))

    def _text_features(self, token_ids):
        x = self.token_embedding(token_ids)
        for block in self.text_blocks:
            x = block(x)
        # A norm is of each token by itself, so only the token that is kept needs it.
        x = self.text_pooling(x, token_ids) if self.text_pooling else x[:, -1]
        return self.text_head(self.text_norm(x))

    def encode_text(self, tokens):
        """See `ImageTextModel`. What follows the end of a CLIP's longest text is left out.

        No token sees those after it, so the result is the same and prompts of ten tokens cost a
        fifth of OpenAI's 77.
        """
        if self.text_pooling:
            ids = np.asarray(tokens["token_ids"])
            end = self.numbers["end_token_id"]
            ends = np.argmax(ids if end is None else ids == end, axis=-1)
            # Up to a multiple of 8, so that few shapes are compiled.
            tokens = {"token_ids": ids[:, : -(-int(ends.max() + 1) // 8) * 8]}
        return super().encode_text(tokens)

    @property
    def image_size(self):
        """Height and width of the input image in pixels."""
        return self.numbers["image_size"]

    @property
    def sequence_length(self):
        """The most tokens of a text."""
        return self.numbers["sequence_length"]

    @property
    def projection_dim(self):
        """Width of the shared space."""
        return self.numbers["projection_dim"]

    @property
    def settings(self):
        """What the embeddings depend on besides the weights and the preprocessing."""
        return self.numbers

    def get_config(self):
        return {**super().get_config(), **self.numbers}


def _blocks(side, tower, dtype, causal=False, last_gives_first=False):
    count = tower["num_layers"]
    return [
        TransformerBlock(
            **_block_numbers(tower),
            causal=causal,
            first_token_only=last_gives_first and number == count - 1,
            dtype=dtype,
            name=f"{side}_block_{number}",
        )
        for number in range(count)
    ]


def _block_numbers(tower):
    return {key: tower[key] for key in ("num_heads", "intermediate_dim", "activation", "epsilon")}


def _norm(tower, dtype, name):
    return keras.layers.LayerNormalization(epsilon=tower["epsilon"], dtype=dtype, name=name)
