import numpy as np
import pytest
from fake_embedder import FakeEmbedder

from kclip.retrieval.index import EmbeddingIndex
from kclip.retrieval.searcher import search, top_k_rows


@pytest.mark.parametrize("block_rows", [None, 1, 4, 7, 100])
def test_top_k_equals_sorting_all_scores(block_rows):
    rng = np.random.default_rng(0)
    queries, images = rng.normal(size=(5, 8)), rng.normal(size=(23, 8))
    cosine = (queries / np.linalg.norm(queries, axis=1)[:, None]) @ (
        images / np.linalg.norm(images, axis=1)[:, None]
    ).T
    rows, scores = top_k_rows(queries, images, 6, block_rows)
    for query in range(5):
        expected = sorted(range(23), key=lambda row: -cosine[query, row])[:6]
        assert rows[query].tolist() == expected
        np.testing.assert_allclose(scores[query], cosine[query, expected], atol=1e-6)


@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_equal_scores_come_in_order_of_rows(block_rows):
    rows, _ = top_k_rows(np.ones((1, 2)), np.ones((5, 2)), 3, block_rows)
    assert rows.tolist() == [[0, 1, 2]]


def test_fewer_images_than_wanted():
    rows, scores = top_k_rows(np.ones((2, 2)), np.eye(2), 9)
    assert rows.shape == scores.shape == (2, 2)


def test_top_k_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        top_k_rows(np.ones((1, 2)), np.eye(2), 0)


def test_search_names_the_files(tmp_path):
    embeddings = FakeEmbedder().embed_texts(["red", "blue", "red blue"])
    index = EmbeddingIndex(tmp_path, ("r.png", "b.png", "rb.png"), embeddings)
    red, blue = search(FakeEmbedder(), index, ["a red thing", "something blue"], top_k=2)
    assert [hit.file_name for hit in red.hits] == ["r.png", "rb.png"]
    assert [hit.file_name for hit in blue.hits] == ["b.png", "rb.png"]
    assert blue.query == "something blue"
    assert red.hits[0].score == pytest.approx(1.0)


def test_what_approximate_search_does_not_find_is_left_out(tmp_path):
    class Half:
        def nearest_rows(self, queries, top_k):
            return np.array([[1, -1]]), np.array([[0.5, -1.0]], "float32")

    index = EmbeddingIndex(tmp_path, ("r.png", "b.png"), np.eye(2, dtype="float32"))
    (result,) = search(FakeEmbedder(), index, ["blue"], 2, approximate=Half())
    assert [(hit.file_name, hit.score) for hit in result.hits] == [("b.png", 0.5)]
