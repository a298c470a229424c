import numpy as np
import pytest
from word_embedder import CLASSES, WordEmbedder, embedding_of, random_images

from kclip.errors import UserError
from kclip.multilabel.prompting import YesOrNo


def test_each_class_against_nothing():
    images = random_images(6)
    result = YesOrNo.from_names(WordEmbedder(), CLASSES).predict(3 * images)
    names = ("dog", "cat", "red car", "sea")
    for image, scores, labels in zip(images, result.scores, result.labels, strict=True):
        nothing = image @ embedding_of("A photo of nothing.")
        for name, score, label in zip(names, scores, labels, strict=True):
            similarity = image @ embedding_of(f"A photo of a {name}.")
            np.testing.assert_allclose(score, 20 * (similarity - nothing), atol=1e-4)
            assert label == (similarity > nothing)
    assert 0 < result.labels.mean() < 1


def test_the_score_is_the_log_odds_of_the_softmax_over_yes_and_no():
    embeddings = np.eye(3, dtype=np.float32)
    result = YesOrNo(("a", "b"), embeddings[:2], embeddings[2], 10.0).predict([[0.8, 0.0, 0.6]])
    yes, no = np.exp(8.0), np.exp(6.0)
    np.testing.assert_allclose(result.probabilities[0, 0], yes / (yes + no), rtol=1e-5)
    assert result.labels.tolist() == [[True, False]]


def test_templates_of_a_class_are_averaged():
    method = YesOrNo.from_names(WordEmbedder(), ["dog", "cat"], ["a {}", "the {}"], "empty")
    mean = embedding_of("a cat") + embedding_of("the cat")
    np.testing.assert_allclose(method.class_embeddings[1], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_allclose(method.nothing_embedding, embedding_of("empty"), atol=1e-6)


@pytest.mark.parametrize(("names", "counts"), [([], "0 classes, 0"), (["a", "a"], "2 classes, 1")])
def test_classes_that_cannot_be_told_apart(names, counts):
    with pytest.raises(UserError, match=f"got {counts} of them different"):
        YesOrNo.from_names(WordEmbedder(), names)
