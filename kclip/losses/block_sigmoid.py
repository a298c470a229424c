"""The sum of a sigmoid loss without its (B, B) logits, which are formed in blocks."""

from keras import ops

from kclip.losses import blocks
from kclip.losses.blocks import block, num_blocks, write_block


def sum_of_softplus(rows, columns, bias, ids):
    """-sum over (i, j) of log sigmoid(z_ij * (rows_i . columns_j + bias)).

    z_ij is 1 where the ids are equal and -1 elsewhere. No pass holds more than `BLOCK_ROWS` rows of
    that matrix; the backward pass forms each block once more. It has no second derivative.

    Args:
        rows: float32 tensor (B, D); B may be unknown while a graph is traced.
        columns: float32 tensor (B, D).
        bias: float32 scalar tensor.
        ids: int tensor (B,).

    Returns:
        A float32 scalar.

    Example:
    >>> eye = keras.ops.eye(2)
    >>> loss = sum_of_softplus(eye, eye, keras.ops.zeros(()), keras.ops.arange(2))
    >>> round(float(loss), 4)  # 2 log(1 + exp(-1)) + 2 log 2
    2.0128
    """
    # Numbers below B, which float32 holds, so that ids go with their rows; and 1 for rows to count.
    groups = ops.cast(ops.searchsorted(ops.sort(ids), ids), "float32")[:, None]
    rows = ops.concatenate([rows, groups, ops.ones_like(groups)], axis=1)
    size, width = ops.shape(rows)
    missing = ops.zeros((-size % blocks.BLOCK_ROWS, width), dtype="float32")
    columns = ops.concatenate([columns, groups], axis=1)
    return _differentiable(ops.concatenate([rows, missing], axis=0), columns, bias)


@ops.custom_gradient
def _differentiable(rows, columns, bias):
    def add_block(number, total):
        margins, counts = _margins(block(rows, number), columns, bias)[:2]
        return total + ops.sum(counts * ops.softplus(-margins))

    total = ops.fori_loop(0, num_blocks(rows), add_block, ops.zeros(()))

    def gradient(*args, upstream=None):
        upstream = args[0] if upstream is None else upstream
        return _backward(rows, columns, bias, upstream)

    return total, gradient


def _backward(rows, columns, bias, upstream):
    def add_block(number, gradients):
        for_rows, for_columns, for_bias = gradients
        own = block(rows, number)
        margins, counts, signs = _margins(own, columns, bias)
        slopes = -upstream * counts * signs * ops.sigmoid(-margins)
        of_own = ops.matmul(slopes, columns[:, :-1])
        # The last columns are ids and counts, which have no gradient.
        for_rows = write_block(for_rows, number, ops.pad(of_own, ((0, 0), (0, 2))))
        of_columns = ops.matmul(ops.transpose(slopes), own[:, :-2])
        for_columns += ops.pad(of_columns, ((0, 0), (0, 1)))
        return for_rows, for_columns, for_bias + ops.sum(slopes)

    nothing = ops.zeros_like(rows), ops.zeros_like(columns), ops.zeros_like(bias)
    return ops.fori_loop(0, num_blocks(rows), add_block, nothing)


def _margins(rows, columns, bias):
    """z_ij times the logit, 1 or 0 for each row, and z_ij."""
    logits = ops.matmul(rows[:, :-2], ops.transpose(columns[:, :-1])) + bias
    signs = ops.where(rows[:, -2:-1] == columns[None, :, -1], 1.0, -1.0)
    return signs * logits, rows[:, -1:], signs
