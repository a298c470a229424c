import keras

from kclip.models.clip.clip_image_encoder import CLIP_MEAN, CLIP_STD, ClipImageEncoder
from kclip.models.clip.clip_text_encoder import ClipTextEncoder
from kclip.models.dual_encoder.dual_encoder import DualEncoder


@keras.saving.register_keras_serializable("kclip")
class CLIP(DualEncoder):
    """CLIP (Radford et al. 2021) or SigLIP (Zhai et al. 2023): two transformers, one space.

    A dual encoder whose heads are linear; made for pretrained weights, see `kclip.load`. The two
    architectures differ in these points:

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

    towers = ()  # its config holds their numbers

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
        image_encoder = ClipImageEncoder(
            architecture,
            image_tower,
            image_size,
            patch_size,
            mean,
            std,
            dtype=dtype,
            name="image_encoder",
        )
        text_encoder = ClipTextEncoder(
            architecture,
            text_tower,
            vocabulary_size,
            sequence_length,
            end_token_id,
            dtype=dtype,
            name="text_encoder",
        )
        siglip = architecture == "siglip"
        super().__init__(
            image_encoder,
            text_encoder,
            projection_dim,
            image_head="none" if siglip else "linear",
            text_head="affine" if siglip else "linear",
            initial_scale=initial_scale,
            initial_bias=initial_bias,
            dtype=dtype,
            **kwargs,
        )
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

    @property
    def sequence_length(self):
        """The most tokens of a text."""
        return self.numbers["sequence_length"]

    @property
    def settings(self):
        """What the embeddings depend on besides the weights and the preprocessing."""
        return self.numbers

    def _arguments(self):
        return self.numbers
