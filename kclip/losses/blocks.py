"""Blocks of rows of a matrix of logits that is never formed as a whole."""

from keras import ops

# Rows of logits that exist at a time: 8 MiB at a batch of 8,192.
BLOCK_ROWS = 256
# Up to here the (B, B) logits are kept, 4 MiB each time; above, they would soon fill the memory.
LARGEST_WHOLE_BATCH = 1024


def num_blocks(rows):
    """How many blocks some rows make, a multiple of `BLOCK_ROWS`."""
    return ops.shape(rows)[0] // BLOCK_ROWS


def block(array, number):
    """The rows of one block."""
    return ops.slice(array, _start(array, number), [BLOCK_ROWS, *array.shape[1:]])


def write_block(array, number, values):
    """The array with the rows of one block replaced."""
    return ops.slice_update(array, _start(array, number), values)


def _start(array, number):
    return [number * BLOCK_ROWS, *[0] * (len(array.shape) - 1)]
