import numpy as np
import pytest

from kclip.retrieval.codes import decode, encode
from kclip.retrieval.exact import FEW_QUERIES, nearest_rows


@pytest.mark.parametrize(
    "num_queries", [1, FEW_QUERIES, FEW_QUERIES + 1], ids="one few many".split()
)
@pytest.mark.parametrize("block_rows", [1, 4, 7, 100])
@pytest.mark.parametrize("top_k", [1, 6, 23, 30])
def test_it_equals_sorting_all_scores(num_queries, block_rows, top_k):
    rng = np.random.default_rng(0)
    # Whole numbers: many scores are equal, and none depends on the order of a sum.
    queries = rng.integers(-2, 3, (num_queries, 4)).astype("float32")
    embeddings = rng.integers(-2, 3, (23, 4)).astype("float32")
    rows, scores = nearest_rows(queries, embeddings, top_k, block_rows)
    assert rows.dtype == np.int64 and scores.dtype == np.float32
    for query in range(num_queries):
        exact = [sum(queries[query] * row) for row in embeddings]
        expected = sorted(range(23), key=lambda row, exact=exact: -exact[row])[:top_k]
        assert rows[query].tolist() == expected
        assert scores[query].tolist() == [exact[row] for row in expected]


@pytest.mark.parametrize("order", [1, -1], ids=["rising", "falling"])
def test_scores_that_rise_or_fall_from_block_to_block(order):
    embeddings = np.arange(50, dtype="float32")[::order, None]
    rows, _ = nearest_rows(np.ones((1, 1), "float32"), embeddings, 3, block_rows=5)
    assert rows.tolist() == [[49, 48, 47] if order == 1 else [0, 1, 2]]


def test_it_reads_a_memory_map(tmp_path):
    array = np.random.default_rng(0).normal(size=(40, 8)).astype("float32")
    np.save(tmp_path / "rows.npy", array)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    for ours, expected in zip(
        nearest_rows(array[:2], mapped, 5), nearest_rows(array[:2], array, 5), strict=True
    ):
        np.testing.assert_array_equal(ours, expected)
        assert type(ours) is np.ndarray


@pytest.mark.parametrize("codes", ["int16", "int8"])
@pytest.mark.parametrize("num_queries", [1, FEW_QUERIES + 1])
@pytest.mark.parametrize("block_rows", [None, 7])
def test_codes_are_searched_as_what_they_stand_for(codes, num_queries, block_rows):
    rng = np.random.default_rng(0)
    rows = encode(rng.normal(size=(40, 8)), codes)
    queries = rng.normal(size=(num_queries, 8)).astype("float32")
    found, scores = nearest_rows(queries, rows, 5, block_rows)
    expected = queries @ decode(rows).T
    np.testing.assert_array_equal(found, np.argsort(-expected, axis=1)[:, :5])
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1)[:, :5], atol=1e-5)


@pytest.mark.parametrize("num_queries", [1, FEW_QUERIES + 1])
@pytest.mark.parametrize("block_rows", [None, 3])
def test_rows_that_are_not_allowed_are_not_found(num_queries, block_rows):
    rng = np.random.default_rng(0)
    rows, queries = rng.normal(size=(30, 4)), rng.normal(size=(num_queries, 4)).astype("float32")
    allowed = rng.random(30) < 0.3
    found, scores = nearest_rows(queries, rows.astype("float32"), 20, block_rows, allowed)
    count = allowed.sum()
    for query in range(num_queries):
        best = sorted(np.flatnonzero(allowed), key=lambda row, q=query: -queries[q] @ rows[row])
        assert found[query].tolist() == best + [-1] * (20 - count)
    assert np.isneginf(scores[:, count:]).all() and np.isfinite(scores[:, :count]).all()
