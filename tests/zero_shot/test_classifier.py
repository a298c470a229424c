import numpy as np
import pytest
from fake_embedder import FakeEmbedder

from kclip.errors import UserError
from kclip.zero_shot.classifier import ZeroShotClassifier, ensemble_templates


def test_the_ensemble_is_normalise_mean_normalise():
    # Two prompts of different length: the direction is halfway, not drawn to the longer one.
    result = ensemble_templates(np.array([[[1.0, 0.0], [0.0, 100.0]]]))
    np.testing.assert_allclose(result, [[0.5**0.5, 0.5**0.5]], atol=1e-6)


def test_the_ensemble_equals_a_loop():
    prompts = np.random.default_rng(0).normal(size=(3, 4, 6))
    for row, templates in zip(ensemble_templates(prompts), prompts, strict=True):
        mean = sum(prompt / np.sqrt((prompt**2).sum()) for prompt in templates) / 4
        np.testing.assert_allclose(row, mean / np.sqrt((mean**2).sum()), atol=1e-6)


def test_classes_and_templates_are_not_mixed_up():
    class Recorder(FakeEmbedder):
        def embed_texts(self, texts, batch_size=256):
            self.texts = list(texts)
            return super().embed_texts(texts)

    embedder = Recorder()
    classifier = ZeroShotClassifier.from_names(embedder, ["red", "blue"], ["a {}.", "one {} thing"])
    assert embedder.texts == ["a red.", "one red thing", "a blue.", "one blue thing"]
    expected = ensemble_templates(FakeEmbedder().embed_texts(embedder.texts).reshape(2, 2, -1))
    np.testing.assert_array_equal(classifier.class_embeddings, expected)


def test_logits_and_probabilities_by_hand():
    classifier = ZeroShotClassifier(("a", "b"), np.eye(2, dtype=np.float32), 100.0)
    images = np.array([[3.0, 4.0], [1.0, 0.0]])
    np.testing.assert_allclose(classifier.logits(images), [[60, 80], [100, 0]], rtol=1e-6)
    probabilities = classifier.predict_probabilities(images)
    np.testing.assert_allclose(probabilities[0, 0], 1 / (1 + np.exp(20.0)), rtol=1e-4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("names", "message"), [(["red"], "at least two"), (["red", "red"], "comes twice")]
)
def test_names_that_cannot_be_told_apart(names, message):
    with pytest.raises(UserError, match=message):
        ZeroShotClassifier.from_names(FakeEmbedder(), names, ["a {}."])
