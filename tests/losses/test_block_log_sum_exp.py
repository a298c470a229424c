import keras
import numpy as np
import pytest
from gradients import gradients

from kclip.losses import blocks
from kclip.losses.block_log_sum_exp import log_sum_exps

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)


def slow(rows, columns, valid_mask, axis):
    """In float64, the rows that do not count cut out."""
    kept = valid_mask.astype(bool)
    logits = rows[kept].astype("float64") @ columns[kept].astype("float64").T
    top = logits.max(axis=axis, keepdims=True)
    return (top + np.log(np.exp(logits - top).sum(axis=axis, keepdims=True))).squeeze(axis)


@pytest.mark.parametrize("size", [1, 4, 10])
@pytest.mark.parametrize("length", [1.0, 10.0], ids=["small", "large"])
def test_it_is_that_of_the_whole_matrix(size, length):
    rows, columns = (length * RNG.normal(size=(2, size, 3))).astype("float32")
    valid_mask = np.ones(size, "float32")
    ours = np.asarray(log_sum_exps(rows, columns, keras.ops.convert_to_tensor(valid_mask)))
    for result, axis in zip(ours, (1, 0), strict=True):
        np.testing.assert_allclose(result, slow(rows, columns, valid_mask, axis), rtol=1e-5)


def test_rows_that_do_not_count_are_as_if_they_were_not_there():
    rows, columns = RNG.normal(size=(2, 10, 3)).astype("float32")
    valid_mask = np.array([1, 1, 0, 0, 1, 1, 1, 0, 1, 0], "float32")
    ours = np.asarray(log_sum_exps(rows, columns, keras.ops.convert_to_tensor(valid_mask)))
    for result, axis in zip(ours, (1, 0), strict=True):
        expected = slow(rows, columns, valid_mask, axis)
        np.testing.assert_allclose(result[valid_mask == 1], expected, rtol=1e-5)


def test_the_gradient_is_the_slope_of_the_whole_matrix():
    rows, columns, along, across = RNG.normal(size=(4, 10, 3)).astype("float32")
    valid_mask = np.array([1, 1, 0, 1, 1, 1, 1, 0, 1, 1], "float32")
    weights = RNG.normal(size=(2, 10)).astype("float32") * valid_mask

    def weighted(rows, columns):
        results = log_sum_exps(rows, columns, keras.ops.convert_to_tensor(valid_mask))
        return keras.ops.sum(keras.ops.convert_to_tensor(weights) * results)

    def slow_weighted(step):
        x, y = rows + step * along.astype("float64"), columns + step * across.astype("float64")
        kept = weights[:, valid_mask == 1]
        return sum(kept[k] @ slow(x, y, valid_mask, axis) for k, axis in enumerate((1, 0)))

    (of_rows, of_columns), _ = gradients(weighted, [rows, columns])
    slope = np.sum(of_rows * along) + np.sum(of_columns * across)
    expected = (slow_weighted(1e-5) - slow_weighted(-1e-5)) / 2e-5
    assert slope == pytest.approx(expected, rel=1e-4)
    assert not of_rows[valid_mask == 0].any()
    assert not of_columns[valid_mask == 0].any()
