import math

import keras
from keras import ops

from kclip.errors import UserError
from kclip.layers.cross_attention import CrossAttention

QUERIES = ("learned", "random", "text")


@keras.saving.register_keras_serializable("kclip")
class MLDecoder(CrossAttention):
    """A classification head whose queries look for their classes in the image.

    ML-Decoder: Ridnik et al. 2021, "ML-Decoder: Scalable and Versatile Classification Head",
    Section 3: one layer of cross-attention and feed-forward without self-attention, so cost grows
    linearly with the queries. Its three forms:

    - full: `num_classes` alone, a query a class.
    - grouped: `num_groups` queries, each giving ceil(num_classes / num_groups) logits, of which
      the first `num_classes` are kept.
    - zero-shot: no `num_classes`. One output vector and bias serve every class, so each call may
      ask for other classes, as many as it likes.

    Args:
        num_classes: int or None, the zero-shot form.
        num_groups: int in [1, num_classes], or None for a query a class.
        queries: "learned"; "random", sampled once and never trained, as the paper has them; or
            "text", given with each call and mapped by `ReLU(Dense(dim))`. Zero-shot takes "text".
        dim: int. Width of the decoder, a multiple of `num_heads`.
        num_heads: int. Attention heads.
        intermediate_dim: int. Width of the feed-forward network.
        dropout: float in [0, 1). Rate on queries, attention weights and both sublayers.

    Call arguments:
        features: float tensor (B, L, C) or (B, H, W, C), L = H * W, the positions in any order.
        query_embeddings: float tensor (K, E), with "text" queries only. Gradients reach it, so
            the caller decides whether it is trained.
        return_attention: bool. Whether to return the attention maps too.

    Returns:
        Float32 logits (B, num_classes), or (B, K) in the zero-shot form. With `return_attention`
        also float32 maps (B, num_heads, K, L), which sum to 1 over the L positions.

    Raises:
        UserError: the arguments do not fit each other, or the query embeddings do not fit them.

    Example:
    >>> head = MLDecoder(queries="text", dim=64)
    >>> head(keras.ops.ones((2, 7, 7, 32)), keras.ops.ones((5, 16))).shape
    TensorShape([2, 5])
    """

    def __init__(
        self,
        num_classes=None,
        num_groups=None,
        queries="learned",
        dim=768,
        num_heads=8,
        intermediate_dim=2048,
        dropout=0.1,
        **kwargs,
    ):
        _check(num_classes, num_groups, queries)
        super().__init__(dim, num_heads, intermediate_dim, dropout, **kwargs)
        self.num_classes = num_classes
        self.num_groups = num_groups
        self.queries = queries
        self.num_queries = num_groups or num_classes

    def build(self, features_shape, query_embeddings_shape=None):
        self._check_queries(query_embeddings_shape)
        self.embed_features = self.dense(features_shape[-1], self.dim, activation="relu")
        if self.queries == "text":
            self.embed_queries = self.dense(query_embeddings_shape[-1], self.dim, activation="relu")
        else:
            self.query = self.add_weight(
                name="query",
                shape=(self.num_queries, self.dim),
                initializer=keras.initializers.RandomNormal(stddev=1.0),
                trainable=self.queries == "learned",
            )
        self.build_block()
        self._build_classifier()

    def _build_classifier(self):
        groups, size, classes = 1, 1, 1
        if self.num_classes:
            groups, classes = self.num_queries, self.num_classes
            size = math.ceil(classes / groups)
        # The spread that Xavier's rule, as PyTorch reads it, gives a tensor of three axes.
        spread = math.sqrt(2 / ((self.dim + groups) * size))
        self.kernel = self.add_weight(
            name="kernel",
            shape=(groups, self.dim, size) if self.num_classes else (self.dim, 1),
            initializer=keras.initializers.RandomNormal(stddev=spread),
        )
        self.bias = self.add_weight(
            name="bias", shape=(classes,), initializer="zeros", autocast=False
        )

    def call(self, features, query_embeddings=None, return_attention=False, training=None):
        self._check_queries(None if query_embeddings is None else query_embeddings.shape)
        queries = self.query if query_embeddings is None else self.embed_queries(query_embeddings)
        decoded, attention = self.decode(features, queries, training)
        by_group = "bqd,qds->bqs" if self.num_classes else "bqd,ds->bqs"
        logits = ops.einsum(by_group, decoded, self.kernel)
        logits = ops.reshape(logits, (-1, ops.shape(logits)[1] * logits.shape[2]))
        logits = ops.cast(logits[:, : self.num_classes], "float32") + self.bias
        return (logits, attention) if return_attention else logits

    def _check_queries(self, shape):
        if (shape is None) == (self.queries == "text"):
            arrived = "no query_embeddings" if shape is None else "query_embeddings"
            advice = "give them" if shape is None else 'leave them, or build it with queries="text"'
            raise UserError(f"{arrived} came to an MLDecoder of {self.queries} queries; {advice}")
        if shape is not None and len(shape) != 2:
            raise UserError(
                f"query_embeddings of shape {tuple(shape)} came; give one row a class, (K, E)"
            )
        if shape and self.num_queries and shape[0] not in (None, self.num_queries):
            raise UserError(
                f"{shape[0]} query_embeddings came for {self.num_queries} queries; give as many, "
                "or leave num_classes for classes that change from call to call"
            )

    def get_config(self):
        config = super().get_config()
        config.update(
            num_classes=self.num_classes,
            num_groups=self.num_groups,
            queries=self.queries,
        )
        return config


def _check(num_classes, num_groups, queries):
    if queries not in QUERIES:
        raise UserError(f"queries={queries!r} is unknown; choose from {', '.join(QUERIES)}")
    if num_classes is None and (queries != "text" or num_groups is not None):
        raise UserError(
            f"no num_classes came, with queries={queries!r} and num_groups={num_groups}; give "
            'num_classes, or for zero-shot queries="text" and no num_groups'
        )
    if num_groups is not None and not 1 <= num_groups <= num_classes:
        raise UserError(
            f"num_groups={num_groups} came for num_classes={num_classes}; give 1 to num_classes"
        )
