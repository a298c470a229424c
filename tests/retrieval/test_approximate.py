import importlib.util

import numpy as np
import pytest

from kclip.errors import UserError
from kclip.retrieval.approximate import ApproximateIndex
from kclip.retrieval.codes import encode

pytest.importorskip("faiss")


def clustered(size, seed=0):
    """Unit vectors around 40 centres."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(40, 16))
    rows = centres[rng.integers(40, size=size)] + 0.4 * rng.normal(size=(size, 16))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")


EMBEDDINGS, QUERIES = clustered(4000), clustered(50, seed=1)
CODES = encode(EMBEDDINGS, "int16")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    index = ApproximateIndex.build(CODES)
    path = tmp_path_factory.mktemp("index") / "embeddings.faiss"
    index.save(path)
    return index, path


def test_it_finds_nearly_all_that_sorting_finds(saved):
    rows, scores = saved[0].nearest_rows(QUERIES, 10)
    every = QUERIES @ EMBEDDINGS.T
    exact = np.argsort(-every, axis=1)[:, :10]
    shared = [len(set(ours) & set(best)) for ours, best in zip(rows, exact, strict=True)]
    assert np.mean(shared) >= 9.8
    np.testing.assert_allclose(scores, np.take_along_axis(every, rows, axis=1), atol=1e-4)
    assert np.all(np.diff(scores, axis=1) <= 0)


def test_it_reads_a_part_of_the_lists(saved):
    lists = saved[0].lists
    assert lists.nlist == 100  # 40 embeddings each
    assert 2 <= lists.nprobe <= 32


def test_an_opened_file_answers_as_what_was_saved(saved):
    index, path = saved
    again = ApproximateIndex.open(path, CODES)
    assert again.lists.nprobe == index.lists.nprobe
    for ours, expected in zip(
        again.nearest_rows(QUERIES, 10), index.nearest_rows(QUERIES, 10), strict=True
    ):
        np.testing.assert_array_equal(ours, expected)


def test_the_same_seed_gives_the_same_index(saved):
    again = ApproximateIndex.build(CODES)
    rows = [index.nearest_rows(QUERIES, 10)[0] for index in (again, saved[0])]
    np.testing.assert_array_equal(*rows)


@pytest.mark.parametrize("size", [1, 3, 41])
def test_a_few_rows_are_all_found(size):
    index = ApproximateIndex.build(CODES[:size])
    rows, _ = index.nearest_rows(QUERIES[:1], size + 2)
    assert sorted(rows[0].tolist()) == [-1, -1, *range(size)]


def test_without_faiss_the_error_tells_what_to_install(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "kclip.retrieval.approximate.find_spec",
        lambda name: None if name == "faiss" else find_spec(name),
    )
    with pytest.raises(UserError, match=r'pip install "keras-clip\[search\]"'):
        ApproximateIndex.build(CODES)


def test_rows_behind_the_lists_are_compared_one_by_one():
    index = ApproximateIndex.build(CODES[:3000])
    whole = ApproximateIndex(index.lists, CODES)
    rows, _ = whole.nearest_rows(EMBEDDINGS[3500:3510], 1)
    assert rows[:, 0].tolist() == list(range(3500, 3510))


def test_rows_that_are_not_allowed_are_not_found(saved):
    allowed = np.arange(len(CODES)) % 3 == 0
    rows, scores = saved[0].nearest_rows(QUERIES, 10, allowed)
    assert np.all(rows % 3 == 0)
    exact = np.argsort(-np.where(allowed, QUERIES @ EMBEDDINGS.T, -9), axis=1)[:, :10]
    shared = [len(set(ours) & set(best)) for ours, best in zip(rows, exact, strict=True)]
    assert np.mean(shared) >= 9.8
