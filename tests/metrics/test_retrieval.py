import json

import numpy as np
import pytest

from kclip.errors import KclipError
from kclip.metrics.retrieval import (
    image_to_text_ranks,
    random_recalls,
    recall_at_k,
    retrieval_metrics,
    text_to_image_ranks,
)


def slow_ranks(images, texts, index):
    """The definition, one pair at a time, in float64; ties go before the right item."""
    similarity = (images / np.linalg.norm(images, axis=1)[:, None]) @ (
        texts / np.linalg.norm(texts, axis=1)[:, None]
    ).T
    to_image = [
        1 + sum(similarity[i, t] >= similarity[own, t] for i in range(len(images)) if i != own)
        for t, own in enumerate(index)
    ]
    to_text = []
    for i in range(len(images)):
        best = max(similarity[i, t] for t in range(len(texts)) if index[t] == i)
        to_text.append(
            1 + sum(similarity[i, t] >= best for t in range(len(texts)) if index[t] != i)
        )
    return to_image, to_text


@pytest.mark.parametrize("block_rows", [None, 1, 3, 1000])
def test_ranks_equal_the_slow_loop(block_rows):
    rng = np.random.default_rng(3)
    images = rng.normal(size=(17, 6))
    index = rng.permutation(np.concatenate([np.arange(17), rng.integers(0, 17, 30)]))
    texts = images[index] + rng.normal(size=(47, 6))
    to_image, to_text = slow_ranks(images, texts, index)
    assert text_to_image_ranks(images, texts, index, block_rows).tolist() == to_image
    assert image_to_text_ranks(images, texts, index, block_rows).tolist() == to_text


def test_a_collapsed_model_is_ranked_last():
    images, texts = np.ones((4, 3)), np.ones((8, 3))
    index = np.repeat(np.arange(4), 2)
    assert text_to_image_ranks(images, texts, index).tolist() == [4] * 8
    # Six texts of other images stand before an image's own two.
    assert image_to_text_ranks(images, texts, index).tolist() == [7] * 4


def test_siblings_do_not_push_each_other_down():
    images, texts = np.eye(2), np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert image_to_text_ranks(images, texts, np.array([0, 0, 1])).tolist() == [1, 1]


def test_the_scale_of_embeddings_does_not_matter():
    rng = np.random.default_rng(0)
    images, texts, index = rng.normal(size=(9, 4)), rng.normal(size=(9, 4)), np.arange(9)
    scales = rng.uniform(0.1, 10, (9, 1))
    assert retrieval_metrics(images, texts, index) == retrieval_metrics(
        images * scales, texts / scales, index
    )


def test_recall_by_hand():
    ranks = np.array([1, 2, 5, 11])
    assert [recall_at_k(ranks, k) for k in (1, 5, 10, 11)] == [0.25, 0.75, 0.75, 1.0]


def test_results_go_into_json():
    results = retrieval_metrics(np.eye(3), np.eye(3), np.arange(3))
    assert json.loads(json.dumps(results))["image_to_text"]["recall@1"] == 1.0


def test_values_that_are_not_finite_are_an_error():
    texts = np.eye(3)
    texts[1, 1] = np.nan
    with pytest.raises(KclipError, match="text embeddings hold values that are not finite"):
        retrieval_metrics(np.eye(3), texts, np.arange(3))


@pytest.mark.parametrize(
    ("texts", "index", "message"),
    [
        (np.eye(4), np.arange(4), "expected"),
        (np.eye(3), np.arange(2), "3 integers"),
        (np.eye(3), np.array([0, 1, 3]), "in \\[0, 3\\)"),
        (np.eye(3), np.array([0, 1, 1]), "1 of 3 images have no text"),
        (np.zeros((0, 3)), np.arange(0), "nothing to rank"),
    ],
)
def test_arrays_that_do_not_belong_together(texts, index, message):
    with pytest.raises(ValueError, match=message):
        retrieval_metrics(np.eye(3), texts, index)


def test_golden_retrieval_metrics(goldens):
    golden = np.load(goldens / "retrieval_metrics.npz")
    images, texts = golden["image_embeddings"], golden["text_embeddings"]
    index = golden["text_to_image_index"]
    np.testing.assert_array_equal(
        text_to_image_ranks(images, texts, index), golden["ranks_text_to_image"]
    )
    np.testing.assert_array_equal(
        image_to_text_ranks(images, texts, index), golden["ranks_image_to_text"]
    )
    results = retrieval_metrics(images, texts, index)
    for short, direction in (("t2i", "text_to_image"), ("i2t", "image_to_text")):
        for name in ("median_rank", "mean_rank"):
            assert np.float32(results[direction][name]) == golden[f"{short}_{name}"]
        for k in (1, 5, 10):
            assert np.float32(results[direction][f"recall@{k}"]) == golden[f"{short}_R@{k}"]
    # CLIP_benchmark names a direction after what is retrieved.
    for theirs, direction in (("image", "text_to_image"), ("text", "image_to_text")):
        for k in (1, 5, 10):
            expected = golden[f"clip_benchmark.{theirs}_retrieval_recall@{k}"]
            assert np.float32(results[direction][f"recall@{k}"]) == expected


def test_recalls_of_a_random_ranking_are_those_of_many_rankings():
    rng = np.random.default_rng(0)
    index = np.array([0, 0, 0, 1, 2, 2])
    counts = {("text_to_image", k): 0.0 for k in (1, 2)} | {
        ("image_to_text", k): 0.0 for k in (1, 2)
    }
    for _ in range(4000):
        images, texts = rng.permutation(3), rng.permutation(6)
        for k in (1, 2):
            counts["text_to_image", k] += np.mean([image in images[:k] for image in index])
            counts["image_to_text", k] += np.mean([i in index[texts[:k]] for i in range(3)])
    chance = random_recalls(index, 3, ks=(1, 2))
    for (direction, k), total in counts.items():
        assert chance[direction][f"recall@{k}"] == pytest.approx(total / 4000, abs=0.02)
