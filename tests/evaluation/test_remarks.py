from types import SimpleNamespace

import numpy as np
import pytest

from kclip.evaluation.multilabel_results import multilabel_results
from kclip.evaluation.remarks import (
    classification_remarks,
    equal_classes,
    retrieval_remarks,
    training_remarks,
    unknown_words_remarks,
)
from kclip.evaluation.retrieval import retrieval_results
from kclip.metrics.classification import classification_metrics


def remarks_on(labels, scores):
    names = [f"class {n}" for n in range(scores.shape[1])]
    return classification_remarks(classification_metrics(labels, scores, names), scores)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_sound_result_has_no_remarks(rng):
    labels = np.arange(60) % 3
    assert remarks_on(labels, np.eye(3)[labels] + 0.1 * rng.normal(size=(60, 3))) == []


def test_a_model_at_chance(rng):
    labels = np.arange(300) % 3
    (remark,) = remarks_on(labels, rng.normal(size=(300, 3)))
    assert remark == (
        "As far as 300 images can tell, the accuracy is no better than a guess's (33.3 %)."
    )


def test_a_collapsed_model(rng):
    labels = np.arange(30) % 3
    scores = 0.01 * rng.normal(size=(30, 3)) + np.array([0, 9, 0])
    assert "All images are given one class: class 1." in remarks_on(labels, scores)


def test_one_image_and_absent_classes():
    remarks = remarks_on(np.array([0]), np.array([[0.9, 0.2, 0.1]]))
    assert remarks == [
        "One image was measured, which says nothing of others.",
        "2 of 3 classes have no image here and no part in the averages: class 1, class 2.",
    ]


def test_names_that_are_one_embedding_to_the_model(rng):
    images, classes = rng.normal(size=(50, 64)), rng.normal(size=(9, 64))
    classes[[4, 7]], classes[8] = classes[1], classes[2]
    scores = (images @ classes.T).astype(np.float32)
    scores[:, 7] *= 1 + 1e-7  # another order of sums
    names = list("abcdefghi")
    assert sorted(equal_classes(scores, names)) == [["b", "e", "h"], ["c", "i"]]
    labels = np.tile(np.arange(5), 10)
    (remark,) = [remark for remark in remarks_on(labels, scores) if "tell apart" in remark]
    assert "class 1 / class 4 / class 7" in remark and "class 2 / class 8" in remark


def test_a_random_ranking_of_labels(rng):
    labels, scores = rng.random((200, 6)) < 0.3, rng.normal(size=(200, 6))
    seen, names = np.arange(6) < 3, list("abcdef")
    remarks = multilabel_results(labels, scores, names, seen)["remarks"]
    assert [remark.split(", ")[1][:7] for remark in remarks] == ["the mAP", "mAP is "]
    good = multilabel_results(labels, scores + 9 * labels, names, seen)
    assert good["remarks"] == []
    labels[:, 5] = False
    (remark,) = multilabel_results(labels, scores + 9 * labels, names, seen)["remarks"]
    assert remark == "1 of 6 classes has no image here and no part in the averages: f."


def test_retrieval_at_chance_and_of_few_images(rng):
    def remarks(images, texts, index):
        names = [str(n) for n in range(len(images))]
        return retrieval_results(images, texts, index, names, ["x"] * len(texts))["remarks"]

    index = np.repeat(np.arange(40), 2)
    images, texts = rng.normal(size=(40, 32)), rng.normal(size=(80, 32))
    found = remarks(images, texts, index)
    assert [remark.split(" can tell, ")[0] for remark in found] == [
        "As far as 80 queries", "As far as 40 queries"
    ]  # fmt: skip
    assert remarks(images, images[index], index) == []
    (few,) = remarks(images[:8], images[index[:16]], index[:16])
    assert "R@10 says nothing" in few
    assert "One image" in remarks(images[:1], texts[:2], index[:2])[0]
    assert retrieval_remarks  # named for readers of this file: retrieval_results calls it


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ({"loss": [2.0, 1.0, 0.5], "val_loss": [2.0, 1.5, 1.2]}, ""),
        ({"loss": [2.0], "val_loss": [2.0]}, ""),
        ({"loss": [2.0, 2.0, 2.1], "val_loss": [2.0, 2.0, 2.0]}, "nothing was learned"),
        ({"loss": [2.0, np.nan, np.nan]}, "nothing was learned"),
        ({"loss": [2.0, 1.0, 0.5], "val_loss": [2.0, 2.5, 3.0]}, "overfitting"),
    ],
)
def test_the_course_of_a_training(history, said):
    assert said in " ".join(training_remarks(history)) and bool(said) == bool(
        training_remarks(history)
    )


def test_words_that_a_text_tower_does_not_know():
    tokens = {"dog": [5], "собака": [0], "a dog": [4, 5], "犬 dog": [0, 5]}
    tokenizer = SimpleNamespace(oov_token="[UNK]", token_to_id={"[UNK]": 0}.get)

    class Tokenizer(SimpleNamespace):
        def __call__(self, texts):
            return [tokens[text] for text in texts]

    tokenizer = Tokenizer(**vars(tokenizer))
    preprocessor = SimpleNamespace(tokenizer=tokenizer)
    (remark,) = unknown_words_remarks(preprocessor, list(tokens), "the names")
    assert remark.startswith("33.3% of the tokens of the names are unknown to the text tower, in 2")
    assert "of 4 of them" in remark and remark.endswith("language or script: собака, 犬 dog.")
    assert unknown_words_remarks(preprocessor, ["dog"], "the names") == []
    of_bytes = SimpleNamespace(tokenizer=SimpleNamespace())  # CLIP's knows every byte
    assert unknown_words_remarks(of_bytes, ["собака"], "the names") == []
