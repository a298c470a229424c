import json

import numpy as np
import pytest
from fake_embedder import write_color_images
from tiny_recognizer import SEEN, UNSEEN, ColorEmbedder, tiny_classifier, write_classifier

from kclip.data.images.opening import load_image
from kclip.errors import UserError
from kclip.multilabel.queries.named_source import name_source, open_named_source
from kclip.multilabel.recognition.recognizer import MultiLabelRecognizer
from kclip.multilabel.thresholds import Thresholds


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "model"
    write_classifier(folder)
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_color_images(tmp_path_factory.mktemp("images"), per_color=1)


@pytest.fixture
def recognizer(written, monkeypatch):
    monkeypatch.setattr("kclip.inference.embedder.Embedder.from_name", lambda _: ColorEmbedder())
    return MultiLabelRecognizer.from_folder(written)


def test_scores_are_the_models_logits_of_seen_and_unseen_classes(recognizer, images):
    assert (recognizer.seen, recognizer.unseen) == (SEEN, UNSEEN)
    assert recognizer.class_names == SEEN + UNSEEN
    scores = recognizer.predict_scores(images, batch_size=4, progress=False)
    assert (scores.shape, scores.dtype) == ((6, 6), np.float32)
    seen_model = tiny_classifier(SEEN)
    seen_model.set_queries(ColorEmbedder().embed_texts([f"a {name}" for name in SEEN]))
    pixels = np.stack([seen_model.prepare(load_image(image)) for image in images])
    expected = seen_model.predict_on_batch(pixels)["logits"]
    np.testing.assert_allclose(scores[:, :4], expected, atol=1e-5)


def test_many_classes_take_small_batches(recognizer, images, monkeypatch):
    scores = recognizer.predict_scores(images, progress=False)
    monkeypatch.setattr("kclip.multilabel.recognition.recognizer.MAX_QUERIES_OF_A_BATCH", 12)
    sizes = []
    predict = recognizer.model.predict_on_batch
    monkeypatch.setattr(
        recognizer.model,
        "predict_on_batch",
        lambda batch: sizes.append(len(batch)) or predict(batch),
    )
    again = recognizer.predict_scores(images, progress=False)
    np.testing.assert_allclose(again, scores, atol=1e-5)
    assert sizes == [2, 2, 2]


def test_encoded_images_and_none_at_all(recognizer, images):
    paths, encoded = images[:2], [image.read_bytes() for image in images[:2]]
    np.testing.assert_array_equal(
        recognizer.predict_scores(encoded), recognizer.predict_scores(paths)
    )
    assert recognizer.predict_scores([]).shape == (0, 6)


def test_other_classes_have_the_scores_of_the_same_names(recognizer, images):
    other = recognizer.with_classes(["yellow", "grey", "red"])
    assert (other.seen, other.unseen) == (["red"], ["yellow", "grey"])
    scores, others = recognizer.predict_scores(images), other.predict_scores(images)
    np.testing.assert_allclose(others[:, :2], scores[:, [2, 5]], atol=1e-5)
    assert recognizer.class_names == SEEN + UNSEEN  # as before


def test_labels_are_named_by_thresholds(written, images, recognizer):
    scores = recognizer.predict_scores(images)
    cuts = np.sort(scores, axis=0)[-2]  # two images of each class reach it
    by_class = {name: float(cuts[column]) for column, name in enumerate(SEEN + UNSEEN)}
    Thresholds("per_class", None, None, "", None, by_class).save(written / "thresholds.json")
    labels = MultiLabelRecognizer.from_folder(written).predict_labels(images)
    for row, names in zip(scores, labels, strict=True):
        columns = [(SEEN + UNSEEN).index(name) for name in names]
        assert set(columns) == set(np.flatnonzero(row >= cuts))
        assert (np.diff(row[columns]) <= 0).all()
    assert sum(map(len, labels)) == 12
    (written / "thresholds.json").unlink()


def test_without_thresholds_labels_are_refused(recognizer, images):
    with pytest.raises(UserError, match="evaluate_multilabel .*--thresholds per_class"):
        recognizer.predict_labels(images)


def test_each_attention_map_is_a_distribution_over_the_image(recognizer, images):
    maps = recognizer.attention_maps(images[:3])
    assert maps.shape == (3, 2, 6, 2, 2)  # images, heads, classes and the tower's 2 x 2 places
    np.testing.assert_allclose(maps.sum(axis=(3, 4)), 1, atol=1e-5)


def test_a_head_of_learned_queries_takes_no_other_classes(tmp_path, images):
    tiny_classifier(SEEN, "full").save_to_preset(str(tmp_path / "model"))
    content = {"seen": SEEN, "unseen": [], "query_source": None, "templates": []}
    (tmp_path / "model" / "classes.json").write_text(json.dumps(content))
    recognizer = MultiLabelRecognizer.from_folder(tmp_path / "model")
    assert recognizer.predict_scores(images).shape == (6, 4)
    with pytest.raises(UserError, match="learned a query for each of its 4 classes"):
        recognizer.with_classes(["grey"])


@pytest.mark.parametrize("name", ["classes.json", "queries.npz"])
def test_a_folder_that_lacks_a_file(tmp_path, name):
    write_classifier(tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    with pytest.raises(UserError, match=name):
        MultiLabelRecognizer.from_folder(tmp_path / "model")


def test_queries_of_other_classes(tmp_path):
    write_classifier(tmp_path / "model")
    np.savez(tmp_path / "model" / "queries.npz", names=np.array(SEEN), embeddings=np.eye(4))
    with pytest.raises(UserError, match="holds queries of other classes"):
        MultiLabelRecognizer.from_folder(tmp_path / "model")


def test_a_folder_opens_no_file_of_its_choice(tmp_path, monkeypatch):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("".join(f"{word} {' '.join('1' * 6)}\n" for word in "red grey".split()))
    write_classifier(tmp_path / "model", str(vectors))
    recognizer = MultiLabelRecognizer.from_folder(tmp_path / "model")
    with pytest.raises(UserError, match="content is not that of the word vectors"):
        recognizer.with_classes(["grey"])
    monkeypatch.chdir(tmp_path)
    named = name_source("vectors.txt")
    assert named["query_source"] == str(vectors)
    monkeypatch.chdir("/")
    assert open_named_source(*named.values(), templates=[]).dim == 6
    recognizer = MultiLabelRecognizer.from_folder(tmp_path / "model", query_source=vectors)
    assert recognizer.with_classes(["grey"]).class_names == ["grey"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q: np.zeros((10**6, 6)), "unpacks to 48,000,[0-9]+ bytes"),
        (lambda q: np.full_like(q, np.nan), "queries that are no numbers"),
        (lambda q: q.astype(int), "queries that are no numbers"),
    ],
)
def test_queries_are_a_few_numbers(tmp_path, change, message):
    write_classifier(tmp_path / "model")
    path = tmp_path / "model/queries.npz"
    with np.load(path) as saved:
        names, queries = saved["names"], saved["embeddings"]
    np.savez_compressed(path, names=names, embeddings=change(queries))
    with pytest.raises(UserError, match=message):
        MultiLabelRecognizer.from_folder(tmp_path / "model")
