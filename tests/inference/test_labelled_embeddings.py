import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.data.labelled.images import LabelledImages, image_record
from kclip.errors import UserError
from kclip.inference.labelled_embeddings import embed_labelled_images


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
