"""Rows in batches of one size, so that no mode has to be compiled twice."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kclip.console.progress import ProgressBar


def in_batches(
    function: Callable[[Any], Any], rows: Sequence[Any] | np.ndarray, batch_size: int, title: str
) -> np.ndarray:
    """Calls a function on all rows, `batch_size` at a time, with a progress bar.

    Args:
        function: from a batch to an array of as many rows.
        rows: one or more rows, an array or a list; the last batch is filled up with its last row.
        batch_size: rows of a batch.
        title: what the progress bar says.

    Returns:
        float32 array, one row for each row.

    Example:
        >>> in_batches(lambda batch: 2.0 * batch, np.arange(3), 2, "Doubling").tolist()
        [0.0, 2.0, 4.0]
    """
    outputs = []
    with ProgressBar(total=len(rows), desc=title, leave=False, disable=None) as bar:
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            missing = batch_size - len(batch)
            if isinstance(batch, np.ndarray):
                filled = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
            else:
                filled = [*batch, *[batch[-1]] * missing]
            outputs.append(np.asarray(function(filled), np.float32)[: len(batch)])
            bar.update(len(batch))
    return np.concatenate(outputs)
