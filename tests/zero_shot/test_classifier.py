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


def test_synonyms_count_alike():
    embedder = FakeEmbedder()
    classes = {"rosso": ("red", "yellow"), "blu": ("blue",)}
    classifier = ZeroShotClassifier.from_names(embedder, classes, ["a {}.", "one {}"])
    texts = ["a red.", "one red", "a yellow.", "one yellow"]
    expected = ensemble_templates(embedder.embed_texts(texts)[None])[0]
    np.testing.assert_allclose(classifier.class_embeddings[0], expected, atol=1e-6)
    assert classifier.class_names == ("red", "blue")


def test_prompts_of_many_classes_go_in_batches():
    sizes = []

    class Recorder(FakeEmbedder):
        def embed_texts(self, texts, batch_size=256):
            sizes.append(len(texts))
            return super().embed_texts(texts)

    names = [f"class {n} red" if n == 299 else f"class {n}" for n in range(300)]
    classifier = ZeroShotClassifier.from_names(Recorder(), names, ["a {}", "the {}"])
    assert sizes == [256, 256, 88]
    assert classifier.class_embeddings[:, 0].argmax() == 299


def test_a_class_without_a_name():
    with pytest.raises(UserError, match="1 classes have no name in words .the first is 'n01'.*"):
        ZeroShotClassifier.from_names(FakeEmbedder(), {"n01": (), "n02": ("cat",)}, ["a {}."])


def test_top_k_is_sorted_and_ends_with_the_classes():
    classifier = ZeroShotClassifier(("a", "b", "c"), np.eye(3, dtype=np.float32), 1.0)
    image = np.array([[0.0, 0.8, 0.6]])
    (row,) = classifier.top_k(image, 2)
    assert [name for name, _ in row] == ["b", "c"]
    shares = np.exp([0.0, 0.8, 0.6]) / np.exp([0.0, 0.8, 0.6]).sum()
    np.testing.assert_allclose([p for _, p in row], shares[[1, 2]], rtol=1e-6)
    assert len(classifier.top_k(image, 9)[0]) == 3
    with pytest.raises(UserError, match="at least 1, got 0"):
        classifier.top_k(image, 0)


def test_the_temperature_divides_the_logits_of_probabilities_alone():
    classifier = ZeroShotClassifier(("a", "b"), np.eye(2, dtype=np.float32), 10.0, temperature=5.0)
    image = np.array([[0.6, 0.8]])
    np.testing.assert_allclose(classifier.logits(image), [[6, 8]], rtol=1e-6)
    expected = 1 / (1 + np.exp(-0.4))
    np.testing.assert_allclose(classifier.predict_probabilities(image)[0, 1], expected, rtol=1e-6)
