import math

import keras
from keras import ops

from kclip.errors import UserError
from kclip.layers.cross_attention import CrossAttention
from kclip.layers.logit_scale import LogitScale
from kclip.layers.similarity_logits import SimilarityLogits


@keras.saving.register_keras_serializable("kclip")
class MLDAdapter(CrossAttention):
    """MMM-CLIP's adapter: the text embeddings of classes look for them in an image.

    Chen et al. 2024, "Multi-method to Fine-tune CLIP" (2): one decoder block without
    self-attention; text embeddings are the queries, the image is key and value, and the mean over a
    query's channels is its class's logit. No weight belongs to a class, so each call may ask for
    others, as many as it likes.

    What the image is decides the form. *Pooled*, as released: one vector, over which attention is
    constant. *Spatial*: the positions of a feature map, among which attention chooses.

    Three things are kclip's. The mean of normalised channels starts at 0 and moves slowly, so it is
    multiplied by a learned scale, with a learned bias; an initial scale of 1 and bias of 0 begin as
    the paper does. With `class_weights` a class's own text says how much each channel counts in
    its mean, all alike at the start: one mean for all classes cannot tell apart what they look
    for. And with `similarity_logits` the scaled cosine of image and class is added, so that the
    adapter starts from what the frozen model knows.

    Args:
        dim: int. Width of the block, a multiple of `num_heads`.
        num_heads: int. Attention heads; 4 in the paper.
        intermediate_dim: int. Width of the feed-forward network.
        dropout: float in [0, 1). Rate within and after the feed-forward network; 0.4 in the paper.
        feature_dropout: float in [0, 1). Rate at which an image's channels are dropped, each in all
            of its positions.
        class_weights: bool. Whether text embeddings weigh the channels of the mean.
        initial_scale: float > 0. Of the mean.
        initial_bias: float. Of the logits.
        similarity_logits: bool. Whether to add scaled cosines, for which calls give
            `image_embeddings`; their own bias starts at -8.

    Call arguments:
        features: float tensor (B, C), pooled, or (B, L, C) or (B, H, W, C), spatial.
        query_embeddings: float tensor (K, E), the classes' L2-normalised text embeddings.
        image_embeddings: float tensor (B, E), L2-normalised, with `similarity_logits` only.
        return_attention: bool. Whether to return the attention maps too.

    Returns:
        Float32 logits (B, K), whose sigmoid is each class's probability. With `return_attention`
        also float32 maps (B, num_heads, K, L), which sum to 1 over the L positions.

    Raises:
        UserError: `dim` is no multiple of `num_heads`; `image_embeddings` came or are missing
            against `similarity_logits`; the query embeddings are not one row a class.

    Example:
    >>> adapter = MLDAdapter(dim=64)
    >>> adapter(keras.ops.ones((2, 7, 7, 32)), keras.ops.ones((5, 16))).shape
    TensorShape([2, 5])
    """

    def __init__(
        self,
        dim=256,
        num_heads=4,
        intermediate_dim=512,
        dropout=0.4,
        feature_dropout=0.0,
        class_weights=False,
        initial_scale=1.0,
        initial_bias=0.0,
        similarity_logits=False,
        **kwargs,
    ):
        super().__init__(
            dim, num_heads, intermediate_dim, 0.0, feed_forward_dropout=dropout, **kwargs
        )
        self.feature_dropout = keras.layers.SpatialDropout1D(
            feature_dropout, dtype=self.dtype_policy
        )
        self.class_weights = class_weights
        self.logit_scale = LogitScale(initial_scale, initial_bias)
        self.similarity = SimilarityLogits() if similarity_logits else None

    def build(self, features_shape, query_embeddings_shape, image_embeddings_shape=None):
        self.embed_features = self.dense(features_shape[-1], self.dim)
        self.embed_queries = self.dense(query_embeddings_shape[-1], self.dim)
        if self.class_weights:
            self.weigh_channels = keras.layers.Dense(
                self.dim, use_bias=False, kernel_initializer="zeros", dtype=self.dtype_policy
            )
            self.weigh_channels.build((None, query_embeddings_shape[-1]))
        self.build_block()

    def call(
        self,
        features,
        query_embeddings,
        image_embeddings=None,
        return_attention=False,
        training=None,
    ):
        self._check(query_embeddings, image_embeddings)
        # Times the root of E, the entries of a vector of unit length have a variance of 1.
        queries = query_embeddings * math.sqrt(query_embeddings.shape[1])
        positions = ops.reshape(features, (ops.shape(features)[0], -1, features.shape[-1]))
        positions = self.feature_dropout(positions, training=training)
        decoded, attention = self.decode(positions, self.embed_queries(queries), training)
        if self.class_weights:
            decoded = decoded * (1 + self.weigh_channels(queries))
        logits = self.logit_scale(ops.mean(ops.cast(decoded, "float32"), axis=-1))
        if self.similarity:
            logits = logits + self.similarity(image_embeddings, query_embeddings)
        return (logits, attention) if return_attention else logits

    def _check(self, query_embeddings, image_embeddings):
        if len(query_embeddings.shape) != 2:
            raise UserError(
                f"query_embeddings of shape {tuple(query_embeddings.shape)} came; give one row a "
                "class, (K, E)"
            )
        if (image_embeddings is None) == (self.similarity is not None):
            arrived = "no image_embeddings" if image_embeddings is None else "image_embeddings"
            raise UserError(
                f"{arrived} came to an MLDAdapter with similarity_logits="
                f"{self.similarity is not None}; they belong together"
            )

    def get_config(self):
        config = super().get_config()
        config.update(
            dropout=self.feed_forward_dropout.rate,
            feature_dropout=self.feature_dropout.rate,
            class_weights=self.class_weights,
            initial_scale=self.logit_scale.initial_scale,
            initial_bias=self.logit_scale.initial_bias,
            similarity_logits=self.similarity is not None,
        )
        return config
