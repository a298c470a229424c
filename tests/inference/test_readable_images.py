import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_color_images

from kclip.data.images.faults import report_left_out
from kclip.errors import UserError
from kclip.inference.readable_images import compute_readable


def test_sound_images_are_embedded_in_order(tmp_path):
    paths = write_color_images(tmp_path)
    embeddings, readable = compute_readable(
        FakeEmbedder().embed_images, paths, [p.name for p in paths]
    )
    np.testing.assert_array_equal(embeddings, FakeEmbedder().embed_images(paths))
    assert readable.tolist() == list(range(18))


def test_a_missing_image_is_named_and_left_out(tmp_path, caplog):
    paths = write_color_images(tmp_path, per_color=20)
    paths.insert(7, tmp_path / "gone.png")
    embeddings, readable = compute_readable(
        FakeEmbedder().embed_images, paths, [p.name for p in paths]
    )
    assert caplog.messages == ["left out: gone.png: missing"]
    assert readable.tolist() == [row for row in range(121) if row != 7]
    np.testing.assert_array_equal(embeddings[7], FakeEmbedder().embed_images([paths[8]])[0])


def test_encoded_bytes_work_too(tmp_path):
    images = [path.read_bytes() for path in write_color_images(tmp_path, per_color=1)]
    embeddings, _ = compute_readable(FakeEmbedder().embed_images, images, list("abcdef"))
    assert embeddings.shape == (6, 6)


def test_one_percent_may_be_left_out_and_no_more(capsys):
    report_left_out([("a.png", "empty")], 100)
    with pytest.raises(UserError, match="1 of 99 images can't be used.*the first: a.png: empty"):
        report_left_out([("a.png", "empty")], 99)


def test_a_long_list_is_cut(caplog):
    report_left_out([(f"{n}.png", "empty") for n in range(25)], 10_000)
    lines = caplog.messages
    assert len(lines) == 21
    assert lines[-1] == "left out: 5 more"
