import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.data.protocols.labelled_images import LabelledImages, image_record
from kclip.errors import UserError
from kclip.zero_shot.labelled_embeddings import draw_share, embed_labelled_images


def test_a_share_of_each_class_is_drawn():
    labels = np.repeat([0, 1, 2], [10, 20, 1])
    drawn, rest = draw_share(labels, 0.2, seed=1)
    assert np.bincount(labels[drawn], minlength=3).tolist() == [2, 4, 0]
    assert sorted([*drawn, *rest]) == list(range(31))


def test_the_draw_depends_on_the_seed_alone():
    labels = np.arange(100) % 4
    assert draw_share(labels, 0.3, 5)[0].tolist() == draw_share(labels, 0.3, 5)[0].tolist()
    assert draw_share(labels, 0.3, 5)[0].tolist() != draw_share(labels, 0.3, 6)[0].tolist()


def test_every_class_keeps_an_image_to_be_measured_on():
    _, rest = draw_share(np.array([0, 0, 1, 1]), 0.99, seed=0)
    assert len(rest) == 2


def test_labels_follow_the_order_of_the_classes(tmp_path):
    red, *_, grey = write_color_images(tmp_path, per_color=1)
    records = [image_record("g", grey, "grey"), image_record("r", red.read_bytes(), "red")]
    images = LabelledImages(records, {})
    found = embed_labelled_images(FakeEmbedder(), images, ["red", "blue", "grey"])
    assert found.labels.tolist() == [2, 0]
    assert found.file_names == ("g", "r")
    both = found + found.rows(np.array([1]))
    assert both.labels.tolist() == [2, 0, 0] and both.embeddings.shape == (3, 6)


def test_no_images_and_foreign_classes(tmp_path):
    with pytest.raises(UserError, match="there is no image to classify"):
        embed_labelled_images(FakeEmbedder(), LabelledImages([], {}), ["a", "b"])
    images = LabelledImages([image_record("x", b"", "dog")], {})
    with pytest.raises(UserError, match="'dog' is none of the classes: a, b"):
        embed_labelled_images(FakeEmbedder(), images, ["a", "b"])
