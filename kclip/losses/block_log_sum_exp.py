"""The normalisers of a contrastive loss without its (B, B) logits, which are formed in blocks."""

from keras import ops

from kclip.losses import blocks
from kclip.losses.blocks import block, num_blocks, write_block

# Added to the logits of rows that do not count; its exponential is 0.
LEFT_OUT = -1e9


def log_sum_exps(rows, columns, valid_mask):
    """Log-sum-exp of each row and of each column of `rows @ columns^T`.

    No pass holds more than `BLOCK_ROWS` rows of that matrix: the forward pass keeps the 2 B
    results, and the backward pass forms each block once more (as Dao et al. 2022,
    "FlashAttention", Section 3.1, do for attention). It has no second derivative.

    Args:
        rows: float32 tensor (B, D); B may be unknown while a graph is traced.
        columns: float32 tensor (B, D).
        valid_mask: float32 tensor (B,) of 1, and 0 for rows that are left out of all sums; what is
            returned for these means nothing.

    Returns:
        A float32 tensor (2, B): of the rows, of the columns.

    Example:
    >>> eye = keras.ops.eye(2)
    >>> log_sum_exps(eye, eye, keras.ops.ones(2)).numpy().astype("float64").round(3).tolist()
    [[1.313, 1.313], [1.313, 1.313]]
    """
    left_out = (1.0 - valid_mask)[:, None] * LEFT_OUT
    one = ops.ones_like(left_out)
    # By two more positions of the dot product, a pair is left out with either of its sides.
    rows = _whole_blocks(ops.concatenate([rows, left_out, one], axis=1))
    columns = ops.concatenate([columns, one, left_out], axis=1)
    results = _differentiable(rows, columns)
    size = ops.shape(columns)[0]
    return ops.stack([results[:size], results[-size:]])


def _whole_blocks(rows):
    """Appends rows that are left out up to a multiple of the block."""
    size, width = ops.shape(rows)
    missing = -size % blocks.BLOCK_ROWS
    nothing = ops.zeros((missing, width - 2), dtype="float32")
    left_out = ops.full((missing, 1), LEFT_OUT, dtype="float32")
    extra = ops.concatenate([nothing, left_out, ops.ones_like(left_out)], axis=1)
    return ops.concatenate([rows, extra], axis=0)


@ops.custom_gradient
def _differentiable(rows, columns):
    """Both kinds of results in one vector, since backends differ in how they pass on a pair."""
    results = _forward(rows, columns)

    def gradient(*args, upstream=None):
        upstream = args[0] if upstream is None else upstream
        return _backward(rows, columns, results, upstream)

    return results, gradient


def _forward(rows, columns):
    def add_block(number, sums):
        of_rows, of_columns = sums
        logits = ops.matmul(block(rows, number), ops.transpose(columns))
        of_rows = write_block(of_rows, number, ops.logsumexp(logits, axis=1))
        return of_rows, ops.logaddexp(of_columns, ops.logsumexp(logits, axis=0))

    # Where nothing was summed yet stands less than any row that is left out.
    nothing = ops.zeros_like(rows[:, 0]), ops.zeros_like(columns[:, 0]) + 4 * LEFT_OUT
    return ops.concatenate(ops.fori_loop(0, num_blocks(rows), add_block, nothing))


def _backward(rows, columns, results, upstream):
    size = ops.shape(rows)[0]
    of_columns, slope_of_columns = results[None, size:], upstream[None, size:]

    def add_block(number, gradients):
        for_rows, for_columns = gradients
        own = block(rows, number)
        logits = ops.matmul(own, ops.transpose(columns))
        of_rows, slope_of_rows = block(results, number), block(upstream, number)
        slopes = slope_of_rows[:, None] * ops.exp(logits - of_rows[:, None])
        slopes += slope_of_columns * ops.exp(logits - of_columns)
        for_rows = write_block(for_rows, number, ops.matmul(slopes, columns))
        return for_rows, for_columns + ops.matmul(ops.transpose(slopes), own)

    nothing = ops.zeros_like(rows), ops.zeros_like(columns)
    return ops.fori_loop(0, num_blocks(rows), add_block, nothing)
