import math

from keras import ops


def attend(queries, keys, values, causal=False, bias=None):
    """Scaled dot-product attention, its softmax in float32 under any policy.

    Args:
        queries: float tensor (B, H, Q, C) of H heads.
        keys: float tensor (B, H, K, C).
        values: float tensor (B, H, K, C).
        causal: bool. Whether the tokens, Q = K of them, see only themselves and those before.
        bias: float tensor, added to the scores (B, H, Q, K) or to what broadcasts to them.

    Returns:
        A float tensor (B * Q, H * C) in the dtype of the values, the heads side by side.

    Example:
    >>> ones = keras.ops.ones((1, 2, 5, 3))
    >>> attend(ones, ones, ones).shape
    TensorShape([5, 6])
    """
    return weighted_sum(attention_weights(queries, keys, causal, bias), values)


def attention_weights(queries, keys, causal=False, bias=None):
    """The first half of `attend`: how much each query takes of each key, float32 (B, H, Q, K)."""
    scale = 1 / math.sqrt(queries.shape[3])
    scores = ops.matmul(queries * scale, ops.transpose(keys, (0, 1, 3, 2)))
    scores = ops.cast(scores, "float32")
    if bias is not None:
        scores = scores + ops.cast(bias, "float32")
    if causal:
        positions = ops.arange(ops.shape(keys)[2])
        scores = ops.where(positions[:, None] >= positions, scores, -1e9)
    if scores.shape[-1] == 1:
        return 0 * scores + 1  # as the softmax would, which Keras warns of, and so of no gradient
    return ops.softmax(scores)


def weighted_sum(weights, values):
    """The second half of `attend`: weights (B, H, Q, K) and values give (B * Q, H * C)."""
    heads, dim = values.shape[1], values.shape[3]
    attended = ops.matmul(ops.cast(weights, values.dtype), values)
    return ops.reshape(ops.transpose(attended, (0, 2, 1, 3)), (-1, heads * dim))
