import numpy as np

from kclip.metrics import similarity
from kclip.metrics.similarity import l2_normalize, row_blocks


def test_rows_have_length_one_and_keep_their_direction():
    rows = np.random.default_rng(0).normal(size=(7, 5))
    unit = l2_normalize(rows)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(unit * np.linalg.norm(rows, axis=1)[:, None], rows, atol=1e-5)


def test_a_row_of_zeros_stays_zero():
    assert l2_normalize(np.zeros((1, 3))).tolist() == [[0.0, 0.0, 0.0]]


def test_blocks_cover_every_row_once_within_the_bound(monkeypatch):
    monkeypatch.setattr(similarity, "MAX_BLOCK_SCORES", 100)
    blocks = list(row_blocks(23, 30))
    assert [row for block in blocks for row in range(23)[block]] == list(range(23))
    assert all((block.stop - block.start) * 30 <= 100 for block in blocks)


def test_a_row_longer_than_the_bound_is_a_block_of_its_own(monkeypatch):
    monkeypatch.setattr(similarity, "MAX_BLOCK_SCORES", 10)
    assert list(row_blocks(2, 30)) == [slice(0, 1), slice(1, 2)]
