import math

import keras
from keras import ops

from kclip.errors import UserError
from kclip.layers.attention import attention_weights, weighted_sum

EPSILON = 1e-5
QUERIES = ("learned", "random", "text")


@keras.saving.register_keras_serializable("kclip")
class MLDecoder(keras.layers.Layer):
    """A classification head whose queries look for their classes in the picture.

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
        queries: "learned"; "random", drawn once and never trained, as the paper has them; or
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
        super().__init__(**kwargs)
        _check(num_classes, num_groups, queries, dim, num_heads)
        self.num_classes = num_classes
        self.num_groups = num_groups
        self.queries = queries
        self.dim = dim
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.num_queries = num_groups or num_classes
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, features_shape, query_embeddings_shape=None):
        self._check_queries(query_embeddings_shape)
        dim = self.dim
        self.embed_features = self._dense(features_shape[-1], dim, activation="relu")
        if self.queries == "text":
            self.embed_queries = self._dense(query_embeddings_shape[-1], dim, activation="relu")
        else:
            self.query = self.add_weight(
                name="query",
                shape=(self.num_queries, dim),
                initializer=keras.initializers.RandomNormal(stddev=1.0),
                trainable=self.queries == "learned",
            )
        self.query_norm = self._norm()
        self.attention_query = self._dense(dim, dim)
        self.attention_key_value = self._dense(dim, 2 * dim)
        self.attention_output = self._dense(dim, dim)
        self.attention_norm = self._norm()
        self.inner = self._dense(dim, self.intermediate_dim, activation="relu")
        self.outer = self._dense(self.intermediate_dim, dim)
        self.output_norm = self._norm()
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

    def _dense(self, inputs, outputs, activation=None):
        dense = keras.layers.Dense(outputs, activation, dtype=self.dtype_policy)
        dense.build((None, inputs))
        return dense

    def _norm(self):
        norm = keras.layers.LayerNormalization(epsilon=EPSILON, dtype=self.dtype_policy)
        norm.build((None, self.dim))
        return norm

    def call(self, features, query_embeddings=None, return_attention=False, training=None):
        self._check_queries(None if query_embeddings is None else query_embeddings.shape)
        queries = self.query if query_embeddings is None else self.embed_queries(query_embeddings)
        decoded, attention = self.decode(features, queries, training)
        by_group = "bqd,qds->bqs" if self.num_classes else "bqd,ds->bqs"
        logits = ops.einsum(by_group, decoded, self.kernel)
        logits = ops.reshape(logits, (-1, ops.shape(logits)[1] * logits.shape[2]))
        logits = ops.cast(logits[:, : self.num_classes], "float32") + self.bias
        return (logits, attention) if return_attention else logits

    def decode(self, features, queries, training=None):
        """What queries (K, dim) find in each image: (B, K, dim), and the maps (B, heads, K, L)."""
        batch, count = ops.shape(features)[0], ops.shape(queries)[0]
        if training:
            # Each image drops its own; without dropout, all share the queries up to the attention.
            queries = ops.tile(queries, (batch, 1))
        queries = self.query_norm(queries + self.dropout(queries, training=training))
        attended, attention = self._attend(queries, count, features, batch, training)
        attended = ops.reshape(attended, (-1, count, self.dim))
        tokens = ops.reshape(queries, (-1, count, self.dim)) + attended
        # Tokens in one row after another: TensorFlow multiplies matrices faster than stacks.
        tokens = self.attention_norm(ops.reshape(tokens, (-1, self.dim)))
        inner = self.dropout(self.inner(tokens), training=training)
        tokens = tokens + self.dropout(self.outer(inner), training=training)
        return ops.reshape(self.output_norm(tokens), (-1, count, self.dim)), attention

    def _attend(self, queries, count, features, batch, training):
        head_dim = self.dim // self.num_heads
        memory = self.embed_features(ops.reshape(features, (-1, features.shape[-1])))
        heads = self.attention_key_value(memory)
        heads = ops.reshape(heads, (batch, -1, 2, self.num_heads, head_dim))
        keys, values = ops.unstack(ops.transpose(heads, (2, 0, 3, 1, 4)), 2)
        queries = self.attention_query(queries)
        queries = ops.reshape(queries, (-1, count, self.num_heads, head_dim))
        attention = attention_weights(ops.transpose(queries, (0, 2, 1, 3)), keys)
        attended = weighted_sum(self.dropout(attention, training=training), values)
        return self.dropout(self.attention_output(attended), training=training), attention

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
            dim=self.dim,
            num_heads=self.num_heads,
            intermediate_dim=self.intermediate_dim,
            dropout=self.dropout.rate,
        )
        return config


def _check(num_classes, num_groups, queries, dim, num_heads):
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
    if dim % num_heads:
        raise UserError(f"dim={dim} is no multiple of num_heads={num_heads}; choose one")
