"""Embeddings as whole numbers: half or a quarter of float32's bytes.

A row is one float32, its scale, and D whole numbers of 16 or 8 bits: scale * numbers is the
embedding. 16 bits so are six times more exact than float16, some of whose bits go to exponents
that unit vectors never have, and NumPy turns them into float32 some ten times faster.
"""

from typing import Literal

import numpy as np

from kclip.metrics.similarity import l2_normalize

CodeName = Literal["int16", "int8"]
_LARGEST = {"int16": 32767, "int8": 127}


def code_dtype(codes: str, width: int) -> np.dtype:
    """The dtype of a row.

    Args:
        codes: "int16" or "int8".
        width: D.

    Example:
        >>> code_dtype("int8", 256).itemsize
        260
    """
    return np.dtype([("scale", "<f4"), ("numbers", np.dtype(codes).newbyteorder("<"), (width,))])


def encode(embeddings: np.ndarray, codes: str) -> np.ndarray:
    """Turns embeddings into codes.

    Args:
        embeddings: (N, D) floats of any length; their directions are kept.
        codes: "int16" or "int8".

    Returns:
        (N,) of `code_dtype`.

    Example:
        >>> decode(encode(np.array([[3.0, 4.0]]), "int8")).round(2).tolist()
        [[0.6000000238418579, 0.800000011920929]]
    """
    unit = l2_normalize(embeddings)
    rows = np.empty(len(unit), code_dtype(codes, unit.shape[1]))
    largest = np.abs(unit).max(axis=1, initial=0)
    rows["scale"] = scale = np.where(largest > 0, largest, 1) / np.float32(_LARGEST[codes])
    rows["numbers"] = np.rint(unit / scale[:, None])
    return rows


def decode(rows: np.ndarray) -> np.ndarray:
    """Turns codes (N,) back into embeddings, float32 (N, D), of unit length but for rounding."""
    return rows["numbers"] * rows["scale"][:, None]
