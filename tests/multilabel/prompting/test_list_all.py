from itertools import combinations

import numpy as np
import pytest
from word_embedder import CLASSES, WordEmbedder, embedding_of, random_images, slow_log_odds

from kclip.errors import UserError
from kclip.multilabel.prompting import ListAll, list_all


def expected(image, most_labels):
    names = [name.replace("_", " ") for name in CLASSES]
    sets = [s for size in range(most_labels + 1) for s in combinations(range(len(CLASSES)), size)]
    texts = [" ".join(names[c] for c in chosen) or "nothing" for chosen in sets]
    logits = [20 * image @ embedding_of(text) for text in texts]
    return slow_log_odds(logits, sets, len(CLASSES)), set(sets[int(np.argmax(logits))])


@pytest.mark.parametrize("most_labels", [1, 2, 4])
@pytest.mark.parametrize("chunk", [1, 3, 4096])
def test_it_equals_a_loop_over_all_combinations(monkeypatch, most_labels, chunk):
    monkeypatch.setattr(list_all, "CHUNK", chunk)
    images = random_images(5)
    result = ListAll(WordEmbedder(), CLASSES, most_labels).predict(2 * images, progress=False)
    for image, scores, labels in zip(images, result.scores, result.labels, strict=True):
        slow_scores, slow_labels = expected(image, most_labels)
        np.testing.assert_allclose(scores, slow_scores, atol=1e-4)
        assert set(np.flatnonzero(labels)) == slow_labels


def test_all_combinations_are_asked_once_and_few_at_a_time(monkeypatch):
    monkeypatch.setattr(list_all, "CHUNK", 100)
    sizes = []

    class Recorder(WordEmbedder):
        def embed_texts(self, texts, batch_size=256):
            sizes.append(len(texts))
            return super().embed_texts(texts)

    embedder = Recorder()
    ListAll(embedder, [f"c{n}" for n in range(9)]).predict(random_images(2), progress=False)
    assert sizes == [100] * 5 + [12]
    assert len(set(embedder.texts)) == 2**9
    assert {"nothing", "c0", "c3, c7"} < set(embedder.texts)


def test_an_image_of_nothing_has_no_label():
    nothing = embedding_of("nothing")[None]
    result = ListAll(WordEmbedder(), CLASSES).predict(nothing, progress=False)
    assert not result.labels.any()


def test_more_than_can_be_listed():
    count, mebibytes = 2**21, 2**21 * 8 * 4 // 2**20
    with pytest.raises(UserError, match=f"21 classes takes {count:,} .* fill {mebibytes} MiB"):
        ListAll(WordEmbedder(), [f"c{n}" for n in range(21)])
    assert ListAll(WordEmbedder(), [f"c{n}" for n in range(20)]).num_combinations == 2**20


def test_the_error_says_how_many_labels_would_do():
    names = [f"c{n}" for n in range(102)]
    with pytest.raises(UserError, match="set most_labels to 3 or less"):
        ListAll(WordEmbedder(), names, 4)
    assert ListAll(WordEmbedder(), names, 3).num_combinations == 1 + 102 + 5151 + 171700


def test_an_absurd_number_of_classes_is_refused_at_once():
    with pytest.raises(UserError, match=r"more than 2\^20000 combinations"):
        ListAll(WordEmbedder(), [f"c{n}" for n in range(20000)])


@pytest.mark.parametrize("most_labels", [0, 5])
def test_most_labels_must_fit_the_classes(most_labels):
    with pytest.raises(UserError, match=f"in 1 to 4 .the classes., got {most_labels}"):
        ListAll(WordEmbedder(), CLASSES, most_labels)
