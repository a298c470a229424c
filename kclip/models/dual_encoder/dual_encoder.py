import keras
import numpy as np

from kclip.layers.logit_scale import LogitScale
from kclip.models.dual_encoder.contrastive_model import ContrastiveModel
from kclip.models.dual_encoder.heads import make_head
from kclip.models.folder.preset_model import PresetModel


@keras.saving.register_keras_serializable("kclip")
class DualEncoder(ContrastiveModel, PresetModel):
    """Two towers and two projection heads that put images and texts into one space.

    The Politecnico report's model (Section 3.1), with any towers.

    Args:
        image_encoder: an image tower, such as `kclip.models.ImageEncoder` or `ClipImageEncoder`.
        text_encoder: a text tower, such as `kclip.models.TextEncoder` or `ClipTextEncoder`.
        projection_dim: int. Width D of the shared space; 256 in the report.
        image_head, text_head: "mlp", the report's `ProjectionHead`; "linear", a product with a
            matrix, as CLIP has; "affine", the same with a bias, as SigLIP's texts have; "none",
            where the tower's features have the width D already, as SigLIP's images have.
        dropout: float in [0, 1). Of both "mlp" heads; 0.1 in the report.
        image_feature_dropout: float in [0, 1). On the image tower's features before its head.
        text_feature_dropout: float in [0, 1). On the text tower's features before its head.
        standardize: bool. Standardise the towers' features before "mlp" heads.
        normalize: bool. L2-normalise the embeddings (CLIP); keras.io's example does not.
        initial_scale, initial_bias, train_scale: of the `LogitScale`.
        dtype: dtype policy. Norms, logits and loss are float32 under any, and `from_config` makes
            frozen towers float32.

    Inputs: dict of `image` (B, H, W, 3) in [0, 255], and the text tower's, int (B, L).
    Outputs: dict of float32 `image_embeddings` and `text_embeddings`, (B, D) each.

    Example:
    >>> model = DualEncoder(
    ...     ImageEncoder("small_cnn", image_size=64),
    ...     TextEncoder.from_size("tiny", vocabulary_size=100),
    ... )
    >>> model.compile(keras.optimizers.AdamW(1e-3), loss=ContrastiveLoss())
    """

    towers = ("image_encoder", "text_encoder")

    def __init__(
        self,
        image_encoder,
        text_encoder,
        projection_dim=256,
        image_head="mlp",
        text_head="mlp",
        dropout=0.1,
        image_feature_dropout=0.0,
        text_feature_dropout=0.0,
        standardize=False,
        normalize=True,
        initial_scale=1 / 0.07,
        initial_bias=None,
        train_scale=True,
        dtype=None,
        **kwargs,
    ):
        # === Layers ===
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        sides = {
            "image": (image_head, image_encoder, image_feature_dropout),
            "text": (text_head, text_encoder, text_feature_dropout),
        }
        self.image_projection, self.text_projection = (
            make_head(
                kind,
                tower,
                projection_dim,
                f"{side}_projection",
                dtype,
                dropout=dropout,
                feature_dropout=feature_dropout,
                standardize=standardize,
            )
            for side, (kind, tower, feature_dropout) in sides.items()
        )
        # Float32 on purpose: half precision cannot hold a unit vector's length.
        output_layer = keras.layers.UnitNormalization if normalize else keras.layers.Identity
        self.image_output = output_layer(dtype="float32", name="image_embeddings")
        self.text_output = output_layer(dtype="float32", name="text_embeddings")

        # === Functional Model ===
        image = keras.Input(image_encoder.input_shape[1:], name="image")
        text = text_encoder.new_inputs()
        super().__init__(
            inputs={"image": image, **text},
            outputs=self.project(image_encoder(image), text_encoder(text)),
            dtype=dtype,
            **kwargs,
        )
        # No part of the graph: it enters where the logits are formed, in the loss.
        self.logit_scale = LogitScale(
            initial_scale, initial_bias, trainable=train_scale, name="logit_scale"
        )

        # === Config ===
        self.projection_dim = projection_dim
        self.standardize = standardize
        self.heads = {
            "image_head": image_head,
            "text_head": text_head,
            "dropout": dropout,
            "image_feature_dropout": image_feature_dropout,
            "text_feature_dropout": text_feature_dropout,
            "standardize": standardize,
            "normalize": normalize,
        }

    def project(self, image_features, text_features):
        """From the towers' features, (B, F) and (B, C), to the model's outputs."""
        return {
            "image_embeddings": self.image_output(self.image_projection(image_features)),
            "text_embeddings": self.text_output(self.text_projection(text_features)),
        }

    @property
    def image_size(self):
        """Height and width of the input image in pixels."""
        return self.image_encoder.image_size

    @property
    def settings(self):
        """What the embeddings depend on besides the weights and the preprocessing."""
        return self.text_encoder.settings

    def encode_text(self, tokens):
        """See `ImageTextModel`; what has no part in the result is left out to save time."""
        arrays = {name: np.asarray(tokens[name]) for name in self.text_encoder.input}
        return super().encode_text(self.text_encoder.shortened(arrays))

    def get_config(self):
        return {**super().get_config(), **self._arguments()}

    def _arguments(self):
        """The constructor's arguments."""
        return {
            "image_encoder": keras.saving.serialize_keras_object(self.image_encoder),
            "text_encoder": keras.saving.serialize_keras_object(self.text_encoder),
            "projection_dim": self.projection_dim,
            **self.heads,
            "initial_scale": self.logit_scale.initial_scale,
            "initial_bias": self.logit_scale.initial_bias,
            "train_scale": self.logit_scale.trainable,
        }
