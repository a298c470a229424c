import numpy as np
import pytest

from kclip.retrieval.codes import decode, encode


def unit(size, width, seed=0):
    rows = np.random.default_rng(seed).normal(size=(size, width))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("codes, levels", [("int16", 32767), ("int8", 127)])
def test_no_value_moves_by_more_than_half_a_step(codes, levels):
    rows = unit(50, 64)
    step = np.abs(rows).max(axis=1, keepdims=True) / levels
    assert np.all(np.abs(decode(encode(rows, codes)) - rows) <= 0.51 * step)


def test_int16_is_more_exact_than_float16():
    rows = unit(200, 256)
    error = np.abs(decode(encode(rows, "int16")) - rows).mean()
    assert error < np.abs(rows.astype("float16") - rows).mean() / 4


def test_what_int8_does_to_a_cosine():
    rows = unit(500, 256)
    moved = decode(encode(rows, "int8")) @ rows[0] - rows @ rows[0]
    assert np.abs(moved).max() < 0.003


def test_lengths_and_zeros():
    rows = np.array([[0.0, 0.0], [30.0, -40.0]])
    np.testing.assert_allclose(decode(encode(rows, "int16")), [[0, 0], [0.6, -0.8]], atol=2e-5)
    assert encode(np.empty((0, 3)), "int8").shape == (0,)
