import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.data.image_record import ImageRecord
from kclip.data.labelled.images import LabelledImages
from kclip.errors import UserError
from kclip.inference.embedded_images import embed_labelled_images

CLASSES = {"red": ("red",), "blue": ("blue",), "grey": ("grey",)}


def embed(images):
    return embed_labelled_images(FakeEmbedder().embed_images, images)


def test_labels_follow_the_order_of_the_classes(tmp_path):
    red, *_, grey = write_color_images(tmp_path, per_color=1)
    records = [
        ImageRecord("1", "g", grey, labels=("grey",)),
        ImageRecord("2", "r", red.read_bytes(), labels=("red",)),
    ]
    found = embed(LabelledImages(records, CLASSES))
    assert found.labels.tolist() == [2, 0]
    np.testing.assert_array_equal(found.embeddings[1], FakeEmbedder().embed_images([red])[0])
    both = found + found.rows(np.array([1]))
    assert both.labels.tolist() == [2, 0, 0] and both.embeddings.shape == (3, 6)
    assert both.images.file_names == ("g", "r", "r")


def test_unreadable_images_keep_labels_and_embeddings_together(tmp_path, caplog):
    paths = write_color_images(tmp_path, per_color=30)
    (tmp_path / "red_3.png").write_bytes(b"no image")
    colors = [path.stem.split("_")[0] for path in paths]
    records = [
        ImageRecord(path.name, path.name, path, labels=(color,))
        for path, color in zip(paths, colors, strict=True)
    ]
    found = embed(LabelledImages(records, {color: (color,) for color in sorted(set(colors))}))
    assert caplog.messages == ["left out: red_3.png: not an image"]
    assert len(found) == len(found.embeddings) == 179
    row = found.images.file_names.index("red_4.png")
    np.testing.assert_array_equal(
        found.embeddings[row], FakeEmbedder().embed_images([tmp_path / "red_4.png"])[0]
    )


def test_no_images_and_foreign_classes():
    with pytest.raises(UserError, match="there is no image to classify"):
        embed(LabelledImages([], CLASSES))
    dog = ImageRecord("x", "x", b"", labels=("dog",))
    with pytest.raises(UserError, match="'dog' in photos is none of the classes: red, blue, grey;"):
        embed(LabelledImages([dog], CLASSES, "photos"))
