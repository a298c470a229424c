import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("kclip")
class RelativePositionBias(keras.layers.Layer):
    """What each head adds to a score for the distance of key and query (Raffel et al. 2020, T5).

    Half of the buckets are for keys after the query. Of each half, the first half holds one
    distance each, the others ever more of them, up to `max_distance`.

    Args:
        num_buckets: int.
        num_heads: int.
        max_distance: int. Larger distances share the last bucket.

    Call arguments:
        x: tensor (B, L, ...), of which the length alone counts.

    Returns:
        A float32 tensor (1, num_heads, L, L), for each query and key.

    Example:
    >>> RelativePositionBias(32, num_heads=2)(keras.ops.ones((3, 5, 8))).shape
    TensorShape([1, 2, 5, 5])
    """

    def __init__(self, num_buckets, num_heads, max_distance=128, **kwargs):
        super().__init__(**kwargs)
        self.num_buckets = num_buckets
        self.num_heads = num_heads
        self.max_distance = max_distance

    def build(self, input_shape):
        self.table = self.add_weight(
            name="table",
            shape=(self.num_buckets, self.num_heads),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )

    def call(self, x):
        positions = ops.arange(ops.shape(x)[1])
        rows = ops.take(self.table, self._buckets(positions[None] - positions[:, None]), axis=0)
        return ops.cast(ops.transpose(rows, (2, 0, 1))[None], "float32")

    def _buckets(self, distances):
        """The bucket of each distance, key minus query."""
        half = self.num_buckets // 2
        exact = half // 2
        size = ops.absolute(distances)
        ratio = ops.log(ops.maximum(ops.cast(size, "float32"), 1.0) / exact)
        grown = exact + ops.cast(
            ratio / math.log(self.max_distance / exact) * (half - exact), "int32"
        )
        bucket = ops.where(size < exact, size, ops.minimum(grown, half - 1))
        return bucket + half * ops.cast(distances > 0, "int32")

    def compute_output_shape(self, input_shape):
        return (1, self.num_heads, input_shape[1], input_shape[1])

    def get_config(self):
        config = super().get_config()
        config.update(
            num_buckets=self.num_buckets,
            num_heads=self.num_heads,
            max_distance=self.max_distance,
        )
        return config
