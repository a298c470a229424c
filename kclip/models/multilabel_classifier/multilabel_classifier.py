import keras
import numpy as np

from kclip.errors import UserError
from kclip.layers.class_queries import ClassQueries
from kclip.layers.logit_scale import LogitScale
from kclip.models.folder.preset_model import PresetModel
from kclip.models.multilabel_classifier.decoder_layers import (
    DECODER_LAYERS,
    check_head,
    decoder_layers,
)
from kclip.models.multilabel_classifier.multilabel_model import MultiLabelModel
from kclip.models.towers.image_resizing import image_resizing


@keras.saving.register_keras_serializable("kclip")
class MultiLabelClassifier(MultiLabelModel, PresetModel):
    """CLIP-Decoder: an image tower whose positions are asked for each class.

    The head is an `MLDecoder`. In its zero-shot form it asks by text embeddings, so the classes
    may change after training (`with_classes`). With `alignment_dim` the tower's features are also
    projected into the space of the text embeddings, for the alignment loss (CLIP-Decoder,
    Sections 3.1 and 3.2). The paper leaves open what that space is for at inference; with
    `similarity_logits`, kclip adds the scaled cosine of image and class to the decoder's logits.

    Args:
        image_encoder: an image tower, such as `kclip.models.ImageEncoder` or `ClipImageEncoder`.
        class_names: list of C strings.
        head: "zero_shot"; "full", a learned query a class; or "grouped".
        query_dim: int. Length of the text embeddings that ask, in the zero-shot form.
        num_groups: int. Queries of the grouped form.
        alignment_dim: int or None. Width E of the space of the alignment loss; None for none.
        alignment_head: how the features are projected there, a kind of head of a `DualEncoder`.
        similarity_logits: bool. Whether to add the cosines; wants the zero-shot form and
            `alignment_dim` equal to `query_dim`.
        feature_dropout: float in [0, 1). On the pooled features before they are projected.
        standardize: bool. Standardise the pooled features before they are projected.
        dim, num_heads, intermediate_dim, dropout: of the `MLDecoder`; `dropout` of the projection
            too.
        resize: "squash" fits the whole image into the square; "crop" cuts out the middle.
        mirror: bool. Whether `predict_logits` averages over each image and its mirror image.
        dtype: dtype policy. Logits, embeddings and loss are float32 under any, and `from_config`
            makes a frozen tower float32.
        shared_with: `MultiLabelClassifier` whose weights, queries apart, this one shares; used by
            `with_classes`.

    Input: float tensor (B, image_size, image_size, 3), RGB in [0, 255].
    Outputs: dict of float32 `logits` (B, C) and, with `alignment_dim`, `image_embeddings` (B, E),
    L2-normalised.

    Raises:
        UserError: the arguments do not fit each other.

    Example:
    >>> tower = ImageEncoder("small_cnn", image_size=64)
    >>> model = MultiLabelClassifier(tower, ["cat", "dog"], query_dim=16, dim=64)
    >>> model.set_queries(np.eye(2, 16))
    >>> model(keras.ops.zeros((3, 64, 64, 3)))["logits"].shape
    TensorShape([3, 2])
    """

    def __init__(
        self,
        image_encoder,
        class_names,
        head="zero_shot",
        query_dim=None,
        num_groups=None,
        alignment_dim=None,
        alignment_head="mlp",
        similarity_logits=False,
        feature_dropout=0.0,
        standardize=False,
        dim=768,
        num_heads=8,
        intermediate_dim=2048,
        dropout=0.1,
        resize="squash",
        mirror=False,
        dtype=None,
        shared_with=None,
        **kwargs,
    ):
        settings = {
            "head": head,
            "query_dim": query_dim,
            "num_groups": num_groups,
            "alignment_dim": alignment_dim,
            "alignment_head": alignment_head,
            "similarity_logits": similarity_logits,
            "feature_dropout": feature_dropout,
            "standardize": standardize,
            "dim": dim,
            "num_heads": num_heads,
            "intermediate_dim": intermediate_dim,
            "dropout": dropout,
            "resize": resize,
            "mirror": mirror,
        }
        check_head(settings)

        # === Layers ===
        self.image_encoder = image_encoder
        self.queries = None
        if head == "zero_shot":
            self.queries = ClassQueries(len(class_names), query_dim, dtype=dtype, name="queries")
        layers = (
            {name: getattr(shared_with, name) for name in DECODER_LAYERS}
            if shared_with
            else decoder_layers(image_encoder, len(class_names), settings, dtype)
        )
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.resizing = image_resizing(image_encoder.image_size, resize)

        # === Functional Model ===
        image = keras.Input(image_encoder.input_shape[1:], name="image")
        outputs = self.decode(**self.spatial_encoder(image))
        super().__init__(inputs=image, outputs=outputs, dtype=dtype, **kwargs)
        # No part of the graph: it enters in the loss.
        if alignment_dim:
            self.logit_scale = shared_with.logit_scale if shared_with else LogitScale()

        # === Config ===
        self.class_names = list(class_names)
        self.resize_mode = resize
        self.mirror = mirror
        self.settings = settings

    def decode(self, spatial_map, features):
        """From the tower's map, (B, H, W, C), and features, (B, F), to the model's outputs."""
        asked = () if self.queries is None else (self.queries(spatial_map),)
        outputs = {"logits": self.decoder(self.map_standardization(spatial_map), *asked)}
        if self.alignment is not None:
            outputs["image_embeddings"] = self.alignment_output(self.alignment(features))
        if self.similarity is not None:
            outputs["logits"] += self.similarity(outputs["image_embeddings"], *asked)
        return outputs

    def standardize_maps(self, mean, variance):
        """Has the decoder see a feature map whose channels have mean 0 and variance 1.

        Args:
            mean: float array (C,), of the channels of a frozen tower's maps.
            variance: the same.
        """
        self.map_standardization.moving_mean.assign(mean)
        self.map_standardization.moving_variance.assign(variance)

    def set_queries(self, embeddings):
        """Gives the classes their text embeddings, float (C, query_dim).

        Raises:
            UserError: the head has learned queries, or the shape is another.
        """
        self._check_zero_shot()
        self.queries.set(embeddings)

    def with_classes(self, class_names, query_embeddings):
        """A model over other classes that shares every weight but the queries.

        Args:
            class_names: list of K strings.
            query_embeddings: float (K, query_dim), of the source that this one was trained with.

        Raises:
            UserError: the head has learned queries, or the embeddings do not fit.
        """
        self._check_zero_shot()
        model = MultiLabelClassifier(
            self.image_encoder,
            class_names,
            **self.settings,
            dtype=self.dtype_policy,
            shared_with=self,
        )
        model.set_queries(query_embeddings)
        return model

    def predict_logits(self, images):
        """Scores every class on B images, float (B, S, S, 3) in [0, 255]: float32 (B, C)."""
        images = np.asarray(images)
        views = [images, images[:, :, ::-1]] if self.mirror else [images]
        return np.mean([self.predict_on_batch(view)["logits"] for view in views], axis=0)

    def attention_maps(self, images):
        """Where each query looks.

        Args:
            images: float array (B, S, S, 3), RGB in [0, 255].

        Returns:
            float32 (B, heads, K, H, W): K classes (or groups); each map sums to 1.
        """
        spatial_map = self.spatial_encoder.predict_on_batch(np.asarray(images))["spatial_map"]
        asked = () if self.queries is None else (self.queries(spatial_map),)
        seen = self.map_standardization(spatial_map)
        _, maps = self.decoder(seen, *asked, return_attention=True)
        maps = keras.ops.convert_to_numpy(maps)
        return maps.reshape(*maps.shape[:3], *spatial_map.shape[1:3])

    def prepare(self, image):
        """Brings one Pillow image of mode RGB to the model's size: uint8 (S, S, 3)."""
        return np.asarray(self.resizing(np.asarray(image)))

    def _check_zero_shot(self):
        if self.queries is None:
            raise UserError(
                f"this model's head is {self.settings['head']!r}, whose queries are learned for "
                f"its {len(self.class_names)} classes; only a zero_shot head takes other classes"
            )

    def get_config(self):
        config = super().get_config()
        config.update(
            image_encoder=keras.saving.serialize_keras_object(self.image_encoder),
            class_names=self.class_names,
            **self.settings,
        )
        return config
