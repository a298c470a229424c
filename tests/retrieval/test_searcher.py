import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.errors import UserError
from kclip.retrieval.index import ImageIndex
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


@pytest.fixture
def index(tmp_path):
    write_color_images(tmp_path / "images", per_color=1)
    return ImageIndex.build(tmp_path / "index", FakeEmbedder(), [tmp_path / "images"])


def test_search_names_the_files(index):
    red, blue = search(FakeEmbedder(), index, ["a red thing", "something blue"], top_k=2)
    assert [red.query, red.hits[0].file_name] == ["a red thing", "red_0.png"]
    assert [blue.query, blue.hits[0].file_name] == ["something blue", "blue_0.png"]
    assert len(blue.hits) == 2 and red.hits[0].score == pytest.approx(1, abs=0.01)


def test_a_model_that_did_not_make_the_index_is_refused(index):
    with pytest.raises(UserError, match="is the index of another model"):
        search(FakeEmbedder("other"), index, ["red"], top_k=2)
