import numpy as np
import pytest
from word_embedder import CLASSES, WordEmbedder, embedding_of, random_images, slow_log_odds

from kclip.errors import UserError
from kclip.multilabel.prompting import TopAll, top_all


def ranked(image, names):
    similarities = [image @ embedding_of(name.replace("_", " ")) for name in names]
    return sorted(range(len(names)), key=lambda c: -similarities[c])


def expected(image, names, most_labels):
    order = ranked(image, names)
    prefixes = [order[:length] for length in range(most_labels + 1)]
    sets = prefixes + [[c] for c in order[1:]]
    texts = [" ".join(names[c] for c in s).replace("_", " ") or "nothing" for s in sets]
    logits = [20 * image @ embedding_of(text) for text in texts]
    best = int(np.argmax(logits[: len(prefixes)]))
    return slow_log_odds(logits, sets, len(names)), set(prefixes[best])


@pytest.mark.parametrize("most_labels", [1, 2, 4])
@pytest.mark.parametrize("block_prompts", [1, 9, 32768])
def test_it_equals_a_loop_over_the_prompts(monkeypatch, block_prompts, most_labels):
    monkeypatch.setattr(top_all, "BLOCK_PROMPTS", block_prompts)
    images = random_images(7)
    method = TopAll(WordEmbedder(), CLASSES, most_labels)
    result = method.predict(2 * images, progress=False)
    for image, scores, labels in zip(images, result.scores, result.labels, strict=True):
        slow, best = expected(image, CLASSES, most_labels)
        np.testing.assert_allclose(scores, slow, atol=1e-4)
        assert set(np.flatnonzero(labels)) == best


def test_scores_fall_along_the_ranking_and_labels_are_its_beginning():
    names = [f"thing{n}" for n in range(12)]
    images = random_images(20)
    result = TopAll(WordEmbedder(), names).predict(images, progress=False)
    for image, scores, labels in zip(images, result.scores, result.labels, strict=True):
        order = ranked(image, names)
        assert (np.diff(scores[order]) < 0).all()
        assert (np.diff(labels[order].astype(int)) <= 0).all()


def test_prompts_that_images_share_are_embedded_once():
    embedder = WordEmbedder()
    method = TopAll(embedder, CLASSES)
    embedder.texts.clear()
    method.predict(np.repeat(random_images(2), 50, axis=0), progress=False)
    assert len(embedder.texts) == len(set(embedder.texts)) <= 6


def test_no_prompt_has_more_names_than_the_model_reads_tokens():
    names = [f"thing{n}" for n in range(30)]
    embedder = WordEmbedder(sequence_length=5)
    scores = TopAll(embedder, names).predict(random_images(3), progress=False).scores
    assert max(text.count(",") for text in embedder.texts) == 4

    class Cutting(WordEmbedder):
        def embed_texts(self, texts, batch_size=256):
            return super().embed_texts([", ".join(text.split(", ")[:5]) for text in texts])

    # A model that cuts by itself what is longer than it reads comes to the same scores.
    whole = TopAll(Cutting(sequence_length=30), names).predict(random_images(3), progress=False)
    np.testing.assert_allclose(scores, whole.scores, atol=1e-5)


def test_a_writer_takes_the_place_of_the_list_of_names():
    asked = []

    def write(combinations):
        asked.extend(combinations)
        return [f"caption {' '.join(names)}" for names in combinations]

    image = random_images(1)
    scores = (
        TopAll(WordEmbedder(), ["dog", "cat"], write_prompts=write).predict(image, False).scores
    )
    assert asked[:2] == [("dog",), ("cat",)]
    assert set(asked[2]) == {"dog", "cat"}
    texts = ["nothing", "caption dog", "caption cat", f"caption {' '.join(asked[2])}"]
    logits = [20 * image[0] @ embedding_of(text) for text in texts]
    slow = slow_log_odds(logits, [(), (0,), (1,), (0, 1)], 2)
    np.testing.assert_allclose(scores[0], slow, atol=1e-4)


def test_classes_that_come_twice():
    with pytest.raises(UserError, match="each once"):
        TopAll(WordEmbedder(), ["dog", "dog"])
