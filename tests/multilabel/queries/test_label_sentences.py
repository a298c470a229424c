import numpy as np
import pytest

from kclip.multilabel.queries.label_sentences import LabelSets, label_sentence


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["sky"], "a photo of sky"),
        (["sky", "car"], "a photo of sky and car"),
        (["sky", "fire_truck", "road"], "a photo of sky, fire truck and road"),
    ],
)
def test_names_are_listed_as_a_speaker_lists_them(names, sentence):
    assert label_sentence("a photo of {}", names) == sentence


def test_sets_are_those_of_a_slow_loop():
    labels = np.random.default_rng(0).integers(0, 2, (60, 4))
    sets = LabelSets.of_images(labels)
    wanted = sorted({tuple(row) for row in labels.tolist() if any(row)})
    assert sorted(map(tuple, sets.members.astype(int).tolist())) == wanted
    for row, number in zip(labels, sets.ids, strict=True):
        if row.any():
            assert np.array_equal(sets.members[number], row)
        else:
            assert number == -1


class _Source:
    def embed_texts(self, texts):
        self.texts = list(texts)
        return np.eye(len(texts), 8, dtype=np.float32)


def test_each_set_is_embedded_once_by_its_names():
    labels = np.array([[0, 1, 1], [1, 0, 0], [0, 1, 1], [0, 0, 0]])
    sets, source = LabelSets.of_images(labels), _Source()
    embeddings = sets.embed(source, ["dog", "cat", "fox"], "there is {}")
    assert sorted(source.texts) == ["there is cat and fox", "there is dog"]
    of_images = [source.texts[np.argmax(embeddings[i])] for i in sets.ids[:3]]
    assert of_images == ["there is cat and fox", "there is dog", "there is cat and fox"]


def test_no_label_at_all():
    sets = LabelSets.of_images(np.zeros((3, 2)))
    assert sets.ids.tolist() == [-1, -1, -1] and sets.members.shape == (0, 2)
