import math

from keras import ops


def attend(queries, keys, values, causal=False):
    """Scaled dot-product attention, its softmax in float32 under any policy.

    Args:
        queries: float tensor (B, H, Q, C) of H heads.
        keys: float tensor (B, H, K, C).
        values: float tensor (B, H, K, C).
        causal: bool. Whether the tokens, Q = K of them, see only themselves and those before.

    Returns:
        A float tensor (B * Q, H * C) in the dtype of the values, the heads side by side.

    Example:
    >>> ones = keras.ops.ones((1, 2, 5, 3))
    >>> attend(ones, ones, ones).shape
    TensorShape([5, 6])
    """
    heads, dim = values.shape[1], values.shape[3]
    scores = ops.matmul(queries * (1 / math.sqrt(dim)), ops.transpose(keys, (0, 1, 3, 2)))
    scores = ops.cast(scores, "float32")
    if causal:
        positions = ops.arange(ops.shape(keys)[2])
        scores = ops.where(positions[:, None] >= positions, scores, -1e9)
    weights = ops.cast(ops.softmax(scores), values.dtype)
    attended = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))
    return ops.reshape(attended, (-1, heads * dim))
